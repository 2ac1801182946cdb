//! A connection that could not be made, or broke: why, in one description for every client, and whether the request can have
//! reached the server.

use std::error::Error;
use std::{fmt, io};

use super::show::show_at_most;
use super::tls::TlsFailure;

/// At most this many characters of what the libraries say are quoted.
const QUOTED: usize = 500;

/// A connection without a complete answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) cause: Cause,
    /// Whether the request certainly never reached the server.
    pub(crate) never_sent: bool,
    /// What the libraries say, as it may be shown.
    detail: String,
}

/// Why a connection broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The server's name has no address.
    Dns,
    /// The server's address takes no connection.
    Refused,
    /// The server did not take the connection in time.
    ConnectTimeout,
    /// The proxy did not connect to the server, or not be reached itself.
    Proxy,
    /// TLS failed.
    Tls(TlsFailure),
    /// The answer did not come in time.
    Timeout,
    /// The connection was closed before the answer came.
    Reset,
    /// The connection was closed in the middle of the answer.
    CutOff,
    /// The request cannot be sent as it is.
    Unsendable,
    /// Anything else.
    Other,
}

impl Broken {
    /// A failure before the head of an answer was read.
    pub(crate) fn sending(error: &(dyn Error + 'static)) -> Self {
        let connecting = causes(error)
            .filter_map(|cause| cause.downcast_ref::<hyper_util::client::legacy::Error>())
            .any(hyper_util::client::legacy::Error::is_connect);
        let unsendable = error.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_builder);
        let cause = if unsendable { Cause::Unsendable } else { cause(error, connecting) };
        Self { cause, never_sent: connecting || unsendable, detail: detail(error) }
    }

    /// A failure while the body of an answer was read.
    pub(crate) fn reading(error: &(dyn Error + 'static)) -> Self {
        let cause = match cause(error, false) {
            Cause::Timeout => Cause::Timeout,
            _ => Cause::CutOff,
        };
        Self { cause, never_sent: false, detail: detail(error) }
    }

    /// What is wrong with the server's certificate, where that is the cause.
    pub(crate) fn certificate(&self) -> Option<TlsFailure> {
        match self.cause {
            Cause::Tls(failure) if failure.is_certificate() => Some(failure),
            _ => None,
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.cause {
            Cause::Dns => "its name cannot be resolved",
            Cause::Refused => "the connection was refused",
            Cause::ConnectTimeout => "no connection in time",
            Cause::Proxy => "the proxy did not connect to it",
            Cause::Tls(failure) => failure.as_str(),
            Cause::Timeout => "no answer in time",
            Cause::Reset => "the connection was closed before the answer",
            Cause::CutOff => "the connection was closed in the middle of the answer",
            Cause::Unsendable => "the request cannot be sent",
            Cause::Other => "the connection failed",
        })?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, " ({})", self.detail) }
    }
}

fn cause(error: &(dyn Error + 'static), connecting: bool) -> Cause {
    // hyper-util keeps these two types to itself; their first words are fixed.
    let says = |start: &str| causes(error).any(|cause| cause.to_string().starts_with(start));
    if says("tunnel error") || says("SOCKS error") {
        return Cause::Proxy;
    }
    if let Some(failure) = TlsFailure::of(error) {
        return Cause::Tls(failure);
    }
    if says("dns error") {
        return Cause::Dns;
    }
    let io = |kinds: &[io::ErrorKind]| {
        causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|cause| kinds.contains(&cause.kind()))
    };
    let hyper =
        |is: fn(&hyper::Error) -> bool| causes(error).filter_map(|cause| cause.downcast_ref::<hyper::Error>()).any(is);
    let reqwest_timeout = error.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_timeout);
    if reqwest_timeout || io(&[io::ErrorKind::TimedOut]) || hyper(hyper::Error::is_timeout) {
        return if connecting { Cause::ConnectTimeout } else { Cause::Timeout };
    }
    if io(&[io::ErrorKind::ConnectionRefused]) {
        return Cause::Refused;
    }
    const CLOSED: [io::ErrorKind; 4] = [
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::BrokenPipe,
        io::ErrorKind::UnexpectedEof,
    ];
    if io(&CLOSED) || hyper(|error| error.is_incomplete_message() || error.is_closed() || error.is_canceled()) {
        return Cause::Reset;
    }
    Cause::Other
}

/// An error and its causes. An I/O error that carries another one skips it when it is asked for its source; this does not.
pub(crate) fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> + Clone {
    std::iter::successors(Some(error), |&cause| {
        let carried = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        match carried {
            Some(carried) => Some(carried as &(dyn Error + 'static)),
            None => cause.source(),
        }
    })
}

/// What an error and its causes say, each text once. Those of the clients themselves are left out: they say nothing but that
/// there was an error, and reqwest's repeats the URL, whose query may hold a secret.
fn detail(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    let of_a_client = |cause: &&(dyn Error + 'static)| {
        cause.is::<reqwest::Error>() || cause.is::<hyper_util::client::legacy::Error>()
    };
    for cause in causes(error).filter(|cause| !of_a_client(cause)) {
        let said = cause.to_string();
        if !said.is_empty() && !text.contains(&said) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&said);
        }
    }
    show_at_most(&text, QUOTED)
}

#[cfg(test)]
mod tests {
    use super::super::server::{Reply, Server};
    use super::super::{OBJECT, Unread, read};
    use super::*;
    use std::time::Duration;

    fn client() -> reqwest::ClientBuilder {
        reqwest::Client::builder().no_proxy().connect_timeout(Duration::from_millis(200))
    }

    async fn sending(url: &str) -> Broken {
        Broken::sending(&client().build().unwrap().get(url).send().await.unwrap_err())
    }

    #[tokio::test]
    async fn failed_connection_is_described_and_was_never_sent() {
        let unbound = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        for (url, expected) in [
            ("http://name.invalid/".to_owned(), Cause::Dns),
            (format!("http://{unbound}/?sig=secret"), Cause::Refused),
            ("nowhere".to_owned(), Cause::Unsendable),
        ] {
            let broken = sending(&url).await;
            assert_eq!((broken.cause, broken.never_sent), (expected, true), "{broken}");
            assert!(!broken.to_string().contains("secret"), "{broken}");
        }
    }

    #[tokio::test]
    async fn full_backlog_is_a_connect_timeout() {
        // A listener that accepts nobody: once its backlog is full, the kernel answers no further connection.
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap();
        let _listener = socket.listen(1).unwrap();
        let mut waiting = Vec::new();
        for _ in 0..4 {
            waiting
                .push(tokio::time::timeout(Duration::from_millis(100), tokio::net::TcpStream::connect(address)).await);
        }
        let broken = sending(&format!("http://{address}/")).await;
        assert_eq!((broken.cause, broken.never_sent), (Cause::ConnectTimeout, true), "{broken}");
    }

    #[tokio::test]
    async fn refusing_proxy_is_the_cause() {
        let proxy = Server::start(|_| async { Reply::text(403, "not through here") }).await;
        let client = reqwest::Client::builder().proxy(reqwest::Proxy::https(proxy.url()).unwrap()).build().unwrap();
        let error = client.get("https://name.invalid/").send().await.unwrap_err();
        let broken = Broken::sending(&error);
        assert_eq!((broken.cause, broken.never_sent), (Cause::Proxy, true), "{broken}");
    }

    #[tokio::test]
    async fn closed_connection_may_have_been_sent() {
        let server = Server::start(|_| async { Reply::Close }).await;
        let broken = sending(&server.url()).await;
        assert_eq!((broken.cause, broken.never_sent), (Cause::Reset, false), "{broken}");
    }

    #[tokio::test]
    async fn answer_that_ends_early_is_cut_off() {
        let server =
            Server::start(|_| async { Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"half\":") }).await;
        let answer = client().build().unwrap().get(server.url()).send().await.unwrap();
        let Err(Unread::Broken(broken)) = read(reqwest::Body::from(answer), OBJECT).await else {
            panic!("it was read")
        };
        assert_eq!((broken.cause, broken.never_sent), (Cause::CutOff, false), "{broken}");
    }

    #[tokio::test]
    async fn silent_server_is_a_timeout() {
        let server = Server::start(|_| async { Reply::text(200, "{}").after(Duration::from_secs(20)) }).await;
        let client = client().read_timeout(Duration::from_millis(100)).build().unwrap();
        let broken = Broken::sending(&client.get(server.url()).send().await.unwrap_err());
        assert_eq!((broken.cause, broken.never_sent), (Cause::Timeout, false), "{broken}");
    }

    #[tokio::test]
    async fn what_is_no_http_is_something_else() {
        let server = Server::start(|_| async { Reply::raw("\u{1b}[31mSSH-2.0\r\n\r\n") }).await;
        let broken = sending(&server.url()).await;
        assert_eq!((broken.cause, broken.never_sent), (Cause::Other, false), "{broken}");
        assert!(!broken.to_string().contains('\u{1b}'), "{broken}");
    }
}
