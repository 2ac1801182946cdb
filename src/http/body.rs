//! The only way to read a body: counted piece by piece after decompression, and given up where it exceeds its limit. What a
//! server sends, whoever it is, cannot fill the memory.

use std::error::Error;
use std::fmt;

use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Body;

use super::broken::Broken;

/// The most that is read of one object, in bytes. An API server stores none over 1.5 MiB and Azure Resource Manager's have
/// some hundred KiB.
pub(crate) const OBJECT: usize = 4 << 20;
/// The most that is read of a list, in bytes, all of its pages together. The longest that is asked for, all roles of a
/// subscription, has 2 MiB, and 10 MiB with as many custom roles as a tenant can have.
pub(crate) const LIST: usize = 16 << 20;
/// The most that is read of a document that an issuer publishes, in bytes. Real ones have a few KiB.
pub(crate) const DOCUMENT: usize = 1 << 20;

/// A body that was not read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is larger than this many bytes.
    TooLarge(usize),
    /// The connection broke.
    Broken(Broken),
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(limit) => {
                write!(f, "the answer is larger than {} KiB, which is the most that is read", limit / 1024)
            }
            Self::Broken(broken) => broken.fmt(f),
        }
    }
}

/// Reads a body of at most `limit` bytes to its end.
pub(crate) async fn read<B>(body: B, limit: usize) -> Result<Bytes, Unread>
where
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>>,
{
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Unread::TooLarge(limit)),
        Err(error) => Err(Unread::Broken(Broken::reading(error.as_ref()))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::server::{Reply, Server};
    use super::*;

    /// What is read of an answer within `limit`, by a client that decompresses.
    async fn fetch(limit: usize, reply: fn() -> Reply) -> Result<Bytes, Unread> {
        let server = Server::start(move |_| async move { reply() }).await;
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client.get(server.url()).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        read(reqwest::Body::from(answer), limit).await
    }

    #[tokio::test]
    async fn limit_itself_is_read_and_one_byte_more_is_not() {
        assert_eq!(fetch(4, || Reply::text(200, "four")).await.unwrap(), "four");
        assert_eq!(fetch(3, || Reply::text(200, "four")).await, Err(Unread::TooLarge(3)));
    }

    #[tokio::test]
    async fn endless_answer_is_given_up_at_the_limit() {
        let error = fetch(OBJECT, || Reply::Endless).await.unwrap_err();
        assert_eq!(error, Unread::TooLarge(OBJECT));
    }

    #[tokio::test]
    async fn gzip_bomb_is_counted_after_decompression() {
        let error = fetch(OBJECT, Reply::gzip_bomb).await.unwrap_err();
        assert_eq!(error, Unread::TooLarge(OBJECT));
        assert_eq!(fetch(OBJECT, || Reply::gzip(b"{}")).await.unwrap(), "{}");
    }
}
