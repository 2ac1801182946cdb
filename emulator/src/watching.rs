//! Answers that go on for as long as their client listens.
//!
//! Nothing is prepared for a client that does not read: its connection asks for the next piece when the last one is on
//! its way, and only then is the world asked what has happened since.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, stream};
use http_body_util::{Either, Full, StreamBody};
use hyper::body::Frame;
use tokio::sync::watch::Receiver;
use tokio::time::Instant;

use super::dispatch;
use super::http::Response;
use super::kubernetes::Watch;
use super::pipeline::Shared;

/// A body that is there already, or one that goes on.
pub(crate) type Body =
    Either<Full<Bytes>, StreamBody<Pin<Box<dyn Stream<Item = Result<Frame<Bytes>, Infallible>> + Send>>>>;

/// The body of an answer; one that goes on ends at the latest when `stop` becomes true or its sender goes.
pub(crate) fn body(response: &mut Response, shared: &Arc<Shared>, stop: &Receiver<bool>) -> Body {
    let first = std::mem::take(&mut response.body);
    let Some(watch) = response.watch.take() else { return Either::Left(Full::new(first)) };
    let ends = Instant::now() + watch.lasts();
    let mut following = Following {
        first: Some(first).filter(|first| !first.is_empty()),
        pulse: shared.lock().pulse.subscribe(),
        shared: Arc::clone(shared),
        stop: stop.clone(),
        ends,
        bookmark: None,
        ended: false,
        watch,
    };
    following.await_bookmark();
    let pieces = stream::unfold(following, |mut following| async move {
        let piece = following.next().await?;
        Some((Ok(Frame::data(piece)), following))
    });
    Either::Right(StreamBody::new(Box::pin(pieces)))
}

/// A watch under way.
struct Following {
    watch: Box<Watch>,
    /// What it begins with, until that is sent.
    first: Option<Bytes>,
    shared: Arc<Shared>,
    /// Says that there may be news.
    pulse: Receiver<u64>,
    stop: Receiver<bool>,
    ends: Instant,
    /// When there is to be a bookmark.
    bookmark: Option<Instant>,
    ended: bool,
}

impl Following {
    /// The next piece, when there is one; none at the end.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        while !self.ended {
            // Taken note of before it is looked: what is written meanwhile is looked for again.
            let replaced = *self.pulse.borrow_and_update();
            if replaced != self.watch.replaced {
                return None;
            }
            let piece = dispatch::go_on(&mut self.shared.lock(), &mut self.watch)?;
            self.ended = piece.ends;
            if !piece.text.is_empty() {
                return Some(piece.text.into());
            }
            if piece.more {
                continue;
            }
            if self.bookmark.is_some_and(|at| at <= Instant::now()) {
                self.await_bookmark();
                return dispatch::bookmark(&mut self.shared.lock(), &mut self.watch).map(Bytes::from);
            }
            let wake = self.bookmark.map_or(self.ends, |at| at.min(self.ends));
            tokio::select! {
                changed = self.pulse.changed() => changed.ok()?,
                () = tokio::time::sleep_until(wake) => if self.ends <= Instant::now() { return None },
                _ = self.stop.wait_for(|stop| *stop) => return None,
            }
        }
        None
    }

    fn await_bookmark(&mut self) {
        let left = self.ends.saturating_duration_since(Instant::now());
        self.bookmark = self.watch.bookmark_in(left).map(|wait: Duration| Instant::now() + wait);
    }
}
