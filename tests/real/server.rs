//! A kube-apiserver and an etcd on loopback, built by `tools/build`, one of each for a whole test binary.
//!
//! They stop when the process ends, however it ends: each runs under a shell that waits for the other end of a pipe to close.
//! RBAC is on; nothing but the API server runs, so no controller makes default accounts, ends namespaces or starts pods.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use azwi::kubernetes::{Client, Settings};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::http::{Answer, Http};

/// A user of the API server, known by a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct User {
    /// As a kubeconfig calls him.
    pub(crate) name: &'static str,
    /// The bearer token; none signs in as `system:anonymous`.
    pub(crate) token: Option<&'static str>,
}

/// May do everything: in the group `system:masters`.
pub(crate) const ADMIN: User = User { name: "admin", token: Some("admin-token") };
/// `dev` of the group `devs`, who may do what everybody who is signed in may, until a test grants more.
pub(crate) const DEV: User = User { name: "dev", token: Some("dev-token") };
/// Nobody.
pub(crate) const ANONYMOUS: User = User { name: "nobody", token: None };

/// The audience that Entra ID asks for.
pub(crate) const AUDIENCE: &str = "api://AzureADTokenExchange";

/// The two programs, running.
pub(crate) struct Server {
    /// Where it listens, without a slash at the end.
    pub(crate) url: String,
    /// The issuer of its tokens: the same port under another name, so that nothing takes the one for the other, with a slash at its end, as
    /// those of AKS have.
    pub(crate) issuer: String,
    /// The certificate authority of its certificate, PEM.
    pub(crate) ca: String,
    /// Where logs, keys and certificates are.
    pub(crate) folder: PathBuf,
    etcd: String,
    _etcd: Supervised,
    _api_server: Supervised,
}

/// How long a start may take on a busy machine; an idle one needs about four seconds.
const PATIENCE: Duration = Duration::from_secs(180);
/// How often a start is tried anew after somebody else took a port between our looking and their listening.
const TRIES: u32 = 3;

impl Server {
    /// The one server of this test binary, started by whoever asks first.
    pub(crate) async fn shared() -> &'static Self {
        static SHARED: OnceCell<Server> = OnceCell::const_new();
        SHARED.get_or_init(|| Self::start(&[])).await
    }

    /// Starts one that writes down in `audit.log` in its folder who asked what, but for what it asks itself.
    pub(crate) async fn audited() -> Self {
        Self::start(&["--audit-log-path=audit.log", "--audit-policy-file=audit-policy.json"]).await
    }

    /// Starts one of its own, with more flags for the API server.
    pub(crate) async fn start(flags: &[&str]) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut failure = String::new();
        for _ in 0..TRIES {
            match Self::try_start(flags).await {
                Ok(server) => return server,
                Err(told) if told.contains("already in use") => failure = told,
                Err(told) => panic!("{told}"),
            }
        }
        panic!("{failure}");
    }

    async fn try_start(flags: &[&str]) -> Result<Self, String> {
        let folder = fresh_folder();
        let keys = Keys::write(&folder);
        let [client, peer, secure] = free_ports();
        let (etcd_url, url) = (format!("http://127.0.0.1:{client}"), format!("https://127.0.0.1:{secure}"));
        let issuer = format!("https://localhost:{secure}/");
        let at = |name: &str| folder.join(name).display().to_string();

        let mut etcd = Supervised::start(
            "etcd",
            &folder,
            &[
                &format!("--data-dir={}", at("etcd-data")),
                &format!("--listen-client-urls={etcd_url}"),
                &format!("--advertise-client-urls={etcd_url}"),
                &format!("--listen-peer-urls=http://127.0.0.1:{peer}"),
                &format!("--initial-advertise-peer-urls=http://127.0.0.1:{peer}"),
                &format!("--initial-cluster=default=http://127.0.0.1:{peer}"),
                // The data goes when the tests end, so it may as well go when the machine does.
                "--unsafe-no-fsync",
            ],
        );
        let own = [
            format!("--etcd-servers={etcd_url}"),
            // Compacting is for the tests to do, when they want to see what is too old.
            "--etcd-compaction-interval=0".to_owned(),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--secure-port={secure}"),
            format!("--cert-dir={}", at("certificates")),
            format!("--tls-cert-file={}", at("server.pem")),
            format!("--tls-private-key-file={}", at("server-key.pem")),
            format!("--service-account-issuer={issuer}"),
            format!("--service-account-jwks-uri={url}/openid/v1/jwks"),
            format!("--service-account-key-file={}", at("tokens-key.pem")),
            format!("--service-account-signing-key-file={}", at("tokens-key.pem")),
            format!("--api-audiences={AUDIENCE},{issuer}"),
            "--authorization-mode=RBAC".to_owned(),
            format!("--token-auth-file={}", at("users.csv")),
            "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
            "--endpoint-reconciler-type=none".to_owned(),
            "--allow-privileged".to_owned(),
        ];
        let arguments: Vec<&str> = own.iter().map(String::as_str).chain(flags.iter().copied()).collect();
        let mut api_server = Supervised::start("kube-apiserver", &folder, &arguments);

        let admin = Http::new(&url, Some(&keys.ca), ADMIN);
        let begun = Instant::now();
        loop {
            for (name, program) in [("etcd", &mut etcd), ("kube-apiserver", &mut api_server)] {
                if let Some(status) = program.ended() {
                    let log = fs::read_to_string(folder.join(name).with_extension("log")).unwrap_or_default();
                    let end: Vec<&str> = log.lines().rev().take(15).collect();
                    let end = end.into_iter().rev().collect::<Vec<_>>().join("\n");
                    return Err(format!(
                        "{name} ended with {status} before it was ready; {}:\n{end}",
                        folder.display()
                    ));
                }
            }
            if is_ready(&admin).await {
                break;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "kube-apiserver was not ready after {PATIENCE:?}; its log and etcd's are in {}",
                folder.display()
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        publish_keys(&admin).await;
        Ok(Self { url, issuer, ca: keys.ca, folder, etcd: etcd_url, _etcd: etcd, _api_server: api_server })
    }

    /// Plain HTTP as `user`.
    pub(crate) fn http(&self, user: User) -> Http {
        Http::new(&self.url, Some(&self.ca), user)
    }

    /// The provider's client, as `user`.
    pub(crate) fn client(&self, user: User) -> Client {
        Client::new(Settings {
            host: Some(self.url.clone()),
            cluster_ca_certificate: Some(self.ca.clone()),
            token: user.token.map(str::to_owned),
            ..Settings::default()
        })
    }

    /// Drops the history of its objects, by etcd's own API.
    pub(crate) async fn compact(&self) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let call = async |path: &str, body: Value| -> Value {
            let answer = client.post(format!("{}{path}", self.etcd)).json(&body).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{path}");
            answer.json().await.unwrap()
        };
        let first_key = STANDARD.encode([0]);
        let now = call("/v3/kv/range", json!({"key": first_key})).await["header"]["revision"].clone();
        call("/v3/kv/compaction", json!({"revision": now, "physical": true})).await;
    }

    /// Makes a namespace whose name begins with `prefix` and is nobody else's.
    pub(crate) async fn namespace(&self, prefix: &str) -> String {
        let name = format!("{prefix}-{:08x}", rand::random::<u32>());
        self.make_namespace(&name).await;
        name
    }

    /// Makes a namespace of this name.
    pub(crate) async fn make_namespace(&self, name: &str) {
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        let answer = self.http(ADMIN).post("/api/v1/namespaces", &body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
    }
}

async fn is_ready(admin: &Http) -> bool {
    // Ready does not say that the namespaces are there, which a loop of the server makes.
    for path in ["/readyz", "/api/v1/namespaces/default"] {
        if !matches!(admin.try_get(path).await, Some(Answer { status: 200, .. })) {
            return false;
        }
    }
    true
}

/// Lets anybody read the discovery document and the keys, as AKS does: Entra ID does not sign in to read them.
async fn publish_keys(admin: &Http) {
    let body = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "issuer-discovery-for-everybody"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                    "name": "system:service-account-issuer-discovery"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:unauthenticated"}],
    });
    let answer = admin.post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", &body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

/// A kubeconfig with a context of an admin for each of these servers, and one of `dev` for the first; JSON is YAML.
pub(crate) fn kubeconfig(servers: &[(&str, &Server)]) -> String {
    let each = |make: &dyn Fn(&str, &Server) -> Value| -> Vec<Value> {
        servers.iter().map(|(name, server)| make(name, server)).collect()
    };
    let clusters = each(&|name, server| {
        let authority = STANDARD.encode(&server.ca);
        json!({"name": name, "cluster": {"server": server.url, "certificate-authority-data": authority}})
    });
    let (first, _) = servers[0];
    let mut contexts = each(&|name, _| json!({"name": name, "context": {"cluster": name, "user": "admin"}}));
    contexts.push(json!({"name": "dev", "context": {"cluster": first, "user": "dev"}}));
    let users = [ADMIN, DEV].map(|user| json!({"name": user.name, "user": {"token": user.token}}));
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": first,
        "clusters": clusters, "users": users, "contexts": contexts,
    })
    .to_string()
}

/// One program under `supervise.sh`.
struct Supervised {
    shell: Child,
    /// Open for as long as the program is to run.
    _lifeline: ChildStdin,
}

impl Supervised {
    fn start(name: &str, folder: &Path, arguments: &[&str]) -> Self {
        use std::os::unix::process::CommandExt as _;

        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let program = root.join(".tools/bin").join(name);
        assert!(program.exists(), "{} does not exist: run `tools/build etcd kube-apiserver`", program.display());
        let log = fs::File::create(folder.join(name).with_extension("log")).unwrap();
        let mut shell = Command::new("sh")
            .arg(root.join("tests/real/supervise.sh"))
            .arg(folder.join(format!("{name}-data")))
            .arg(program)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            // Ctrl-C is for the tests; what they started follows when they are gone.
            .process_group(0)
            .spawn()
            .unwrap();
        let lifeline = shell.stdin.take().unwrap();
        Self { shell, _lifeline: lifeline }
    }

    fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.shell.try_wait().unwrap()
    }
}

struct Keys {
    ca: String,
}

impl Keys {
    fn write(folder: &Path) -> Self {
        let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();

        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        authority.distinguished_name.push(rcgen::DnType::CommonName, "azwi tests");
        let authority_key = KeyPair::generate().unwrap();
        let ca = authority.self_signed(&authority_key).unwrap().pem();
        let authority = Issuer::new(authority, authority_key);

        let server_key = KeyPair::generate().unwrap();
        let server = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
        write("server.pem", &server.signed_by(&server_key, &authority).unwrap().pem());
        write("server-key.pem", &server_key.serialize_pem());
        write("ca.pem", &ca);

        let tokens = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
        write("tokens-key.pem", &tokens.serialize_pem());

        let rules = json!([{"level": "None", "users": ["system:apiserver"]}, {"level": "Metadata", "omitStages": ["RequestReceived"]}]);
        let policy = json!({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": rules});
        write("audit-policy.json", &policy.to_string());
        write("users.csv", "admin-token,kubernetes-admin,,\"system:masters\"\ndev-token,dev,2,\"devs\"\n");
        Self { ca }
    }
}

/// A folder below target/ for one start in this process; those of earlier days are removed.
fn fresh_folder() -> PathBuf {
    static COUNTER: AtomicU32 = AtomicU32::new(1);
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tmp/real-server");
    fs::create_dir_all(&all).unwrap();
    for entry in fs::read_dir(&all).unwrap().flatten() {
        let made = entry.metadata().and_then(|about| about.modified()).unwrap_or(SystemTime::now());
        if made.elapsed().unwrap_or_default() > Duration::from_secs(24 * 3600) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    let folder = all.join(format!("{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed)));
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn free_ports<const N: usize>() -> [u16; N] {
    // All are held until all are known, so that they differ.
    let held = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}
