//! Answers that go on for as long as their client listens.
//!
//! Nothing is prepared for a client that does not read: its connection asks for the next piece when the last one is on
//! its way, and only then is the world asked what has happened since.

use std::convert::Infallible;
use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, stream};
use http_body_util::{Either, Full, StreamBody};
use hyper::body::Frame;
use tokio::sync::watch::Receiver;
use tokio::time::Instant;

use super::http::Response;
use super::pipeline::Shared;
use super::world::World;

/// What follows the first part of an answer's body.
pub(crate) trait Following: Debug + Send {
    /// When it ends at the latest.
    fn ends(&self) -> Instant;

    /// The next piece; none if there is nothing left to follow.
    fn next(&mut self, world: &mut World) -> Option<Piece>;
}

/// A piece of a body.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    /// Empty if there is nothing new.
    pub(crate) text: String,
    /// Whether the next piece can be asked for at once.
    pub(crate) more: bool,
    /// Whether this is the last one.
    pub(crate) ends: bool,
    /// When to ask for the next one even if nothing changes.
    pub(crate) wake: Option<Instant>,
}

/// A body that is complete, or one that goes on.
pub(crate) type Body =
    Either<Full<Bytes>, StreamBody<Pin<Box<dyn Stream<Item = Result<Frame<Bytes>, Infallible>> + Send>>>>;

/// The body of an answer. One that goes on ends at the latest when `stop` becomes true or its sender goes, or when all documents
/// have been replaced since it began.
pub(crate) fn body(response: &mut Response, shared: &Arc<Shared>, stop: &Receiver<bool>) -> Body {
    let first = std::mem::take(&mut response.body);
    let Some(following) = response.following.take() else { return Either::Left(Full::new(first)) };
    let pulse = shared.lock().pulse.subscribe();
    let reader = Reader {
        first: Some(first).filter(|first| !first.is_empty()),
        replaced: response.replaced,
        following,
        pulse,
        shared: Arc::clone(shared),
        stop: stop.clone(),
        ended: false,
    };
    let pieces = stream::unfold(reader, |mut reader| async move {
        let piece = reader.next().await?;
        Some((Ok(Frame::data(piece)), reader))
    });
    Either::Right(StreamBody::new(Box::pin(pieces)))
}

/// Reads what follows, as fast as its client takes it.
struct Reader {
    following: Box<dyn Following>,
    /// The beginning of the body, until it is sent.
    first: Option<Bytes>,
    shared: Arc<Shared>,
    /// Wakes after every change. The value is how often all documents were replaced.
    pulse: Receiver<u64>,
    replaced: u64,
    stop: Receiver<bool>,
    ended: bool,
}

impl Reader {
    /// The next piece, when there is one; none at the end.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        while !self.ended {
            // The pulse is marked as seen before the world is read: what is written meanwhile wakes again.
            if *self.pulse.borrow_and_update() != self.replaced {
                return None;
            }
            let piece = self.following.next(&mut self.shared.lock())?;
            self.ended = piece.ends;
            if !piece.text.is_empty() {
                return Some(piece.text.into());
            }
            if piece.more {
                continue;
            }
            let ends = self.following.ends();
            let wake = piece.wake.map_or(ends, |at| at.min(ends));
            tokio::select! {
                changed = self.pulse.changed() => changed.ok()?,
                () = tokio::time::sleep_until(wake) => if ends <= Instant::now() { return None },
                _ = self.stop.wait_for(|stop| *stop) => return None,
            }
        }
        None
    }
}
