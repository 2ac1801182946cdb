//! An answer that breaks off: its head promises more than comes, and then the connection or the stream ends.
//!
//! What there is is sent first, as far as a short pause allows. hyper writes nothing of an answer whose body fails at once, and a
//! stream of HTTP/2 that is reset drops what still waits to be sent.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_LENGTH;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use super::http::Response;

/// Between what there is of an answer and the failure.
const PAUSE: Duration = Duration::from_millis(50);

/// Cuts an answer in half. No other answer has a length in its head, by which [`Cut`] knows it.
pub(crate) fn in_half(mut response: Response) -> Response {
    let whole = response.body.len();
    response.headers.insert(CONTENT_LENGTH, HeaderValue::from(whole.max(1)));
    response.body.truncate(whole / 2);
    response
}

/// Ends a connection without an answer, or in the middle of one.
#[derive(Debug, thiserror::Error)]
#[error("a fault dropped the connection")]
pub(crate) struct Dropped;

/// A body that fails at its end if its answer was cut.
pub(crate) struct Cut<B> {
    body: B,
    left: Left,
}

/// What comes after the body.
enum Left {
    /// The end, as it should.
    Nothing,
    /// A pause in which what there is can be sent, and then the failure.
    Failure,
    /// That pause has begun.
    Pausing(Pin<Box<Sleep>>),
}

impl<B> Cut<B> {
    /// The body of an answer with this head.
    pub(crate) fn new(body: B, headers: &http::HeaderMap) -> Self {
        Self { body, left: if headers.contains_key(CONTENT_LENGTH) { Left::Failure } else { Left::Nothing } }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Cut<B> {
    type Data = Bytes;
    type Error = Dropped;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(frame)) => Poll::Ready(Some(frame.map_err(|_| Dropped))),
            Poll::Ready(None) => match &mut self.left {
                Left::Nothing => Poll::Ready(None),
                Left::Failure => {
                    let mut pause = Box::pin(tokio::time::sleep(PAUSE));
                    let over = pause.as_mut().poll(context);
                    self.left = Left::Pausing(pause);
                    over.map(|()| Some(Err(Dropped)))
                }
                Left::Pausing(pause) => pause.as_mut().poll(context).map(|()| Some(Err(Dropped))),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.left, Left::Nothing) && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if matches!(self.left, Left::Nothing) { self.body.size_hint() } else { SizeHint::default() }
    }
}
