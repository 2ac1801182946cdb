//! What this test program's clients find in their environment: an authority that they trust, and a stand-in for the Azure CLI.
//! Whatever makes a client comes through here first, if only by starting a server.

use std::path::PathBuf;
use std::sync::LazyLock;

use super::server::{Asked, Authority, Leaf, Reply, Server};

/// A server that the clients trust. It answers each request by itself.
pub(crate) async fn serve(answers: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Server {
    Server::with_tls(authority().acceptor(Leaf::Valid), move |asked| std::future::ready(answers(&asked))).await
}

/// A server with a certificate of an authority that nobody trusts.
pub(crate) async fn serve_untrusted() -> Server {
    authority();
    let acceptor = Authority::new("Nobody's").acceptor(Leaf::Valid);
    Server::with_tls(acceptor, |_| std::future::ready(Reply::text(200, "{}"))).await
}

/// Sets the environment up.
pub(crate) fn setup() {
    authority();
}

/// Trusts one more authority: clients that are made from now on do.
pub(crate) fn trust_also(pem: &str) {
    authority();
    // Replaced in one step, because another test may be making a client.
    let (file, next) = (FOLDER.join("ca.pem"), FOLDER.join("ca.next"));
    std::fs::write(&next, format!("{}{pem}", std::fs::read_to_string(&file).unwrap())).unwrap();
    std::fs::rename(&next, &file).unwrap();
}

/// The folder of the stand-in for the Azure CLI; what it was called with is in `calls`.
pub(crate) fn cli_folder() -> PathBuf {
    authority();
    FOLDER.clone()
}

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| tempfile::tempdir().unwrap().keep());

/// The authority that everything in this test binary trusts. Its first use sets the environment up.
fn authority() -> &'static Authority {
    static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let authority = Authority::new("Test");
        let pem = FOLDER.join("ca.pem");
        std::fs::write(&pem, &authority.pem).unwrap();
        let path = format!("{}:{}", FOLDER.join("bin").display(), std::env::var("PATH").unwrap_or_default());
        super::fixtures::write_az(&FOLDER);
        set("SSL_CERT_FILE", pem.to_str().unwrap());
        set("NO_PROXY", "127.0.0.1,localhost");
        set("PATH", &path);
        authority
    });
    &AUTHORITY
}

#[allow(
    unsafe_code,
    reason = "every test passes here before it does anything else, so nobody reads the environment meanwhile"
)]
fn set(name: &str, value: &str) {
    // SAFETY: Rust's own readers hold the same lock; readers in C only run after this, behind the LazyLock.
    unsafe { std::env::set_var(name, value) };
}
