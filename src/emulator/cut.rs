//! An answer that breaks off: its head promises more than comes, and then the connection or the stream ends.
//!
//! What there is is sent first. hyper writes nothing of an answer whose body fails at once.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_LENGTH;
use hyper::body::{Body, Frame, SizeHint};

use super::http::Response;

/// Cuts an answer in half. Nobody else writes a length into an answer's head, so that this is how [`Cut`] knows it.
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
#[derive(PartialEq)]
enum Left {
    /// The end, as it should.
    Nothing,
    /// A moment in which what there is can be sent, and then the failure.
    Pause,
    Failure,
}

impl<B> Cut<B> {
    /// The body of an answer with this head.
    pub(crate) fn new(body: B, headers: &http::HeaderMap) -> Self {
        Self { body, left: if headers.contains_key(CONTENT_LENGTH) { Left::Pause } else { Left::Nothing } }
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
            Poll::Ready(None) => match self.left {
                Left::Nothing => Poll::Ready(None),
                Left::Pause => {
                    self.left = Left::Failure;
                    context.waker().wake_by_ref();
                    Poll::Pending
                }
                Left::Failure => Poll::Ready(Some(Err(Dropped))),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == Left::Nothing && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.left == Left::Nothing { self.body.size_hint() } else { SizeHint::default() }
    }
}
