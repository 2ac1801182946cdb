//! Where a pipeline gets the token that says which pipeline it is: a stand-in for the endpoints of GitHub and Azure DevOps, with a key
//! of its own that signs for all three systems.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use azwi_emulator::jwt::SigningKey;
use serde_json::{Value as Json, json};

use super::pipeline::Variables;

/// What federated credentials of the public cloud expect.
const AUDIENCE: &str = "api://AzureADTokenExchange";

/// The endpoints, for as long as the test's process lives.
pub struct Tokens {
    address: SocketAddr,
    signing: Arc<Signing>,
}

struct Signing {
    key: SigningKey,
    azure_devops: String,
    /// The subjects of GitHub's tokens, by what the job shows to get one.
    subjects: Mutex<BTreeMap<String, String>>,
}

/// A service connection of the example: its id, and the subject that its page shows.
const CONNECTIONS: [(&str, &str, &str); 2] = [
    ("azwi-plan", "60000000-0000-4000-8000-0000000000a1", "AZURE_PLAN_CLIENT_ID"),
    ("azwi-apply", "60000000-0000-4000-8000-0000000000a2", "AZURE_APPLY_CLIENT_ID"),
];

impl Tokens {
    /// Starts them. `tenant` is in the issuer of Azure DevOps.
    pub fn serve(tenant: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let azure_devops = format!("https://login.microsoftonline.com/{tenant}/v2.0");
        let signing = Signing { key: SigningKey::generate().unwrap(), azure_devops, subjects: Mutex::default() };
        let tokens = Self { address: listener.local_addr().unwrap(), signing: Arc::new(signing) };
        let signing = Arc::clone(&tokens.signing);
        thread::spawn(move || {
            for stream in listener.incoming() {
                answer(&signing, &stream.unwrap());
            }
        });
        tokens
    }

    /// The issuers that it signs for, with their keys.
    pub fn issuers(&self) -> Vec<Json> {
        let issuers =
            ["https://token.actions.githubusercontent.com", self.signing.azure_devops.as_str(), "https://gitlab.com"];
        issuers.iter().map(|issuer| json!({ "issuer": issuer, "jwks": self.signing.key.jwks() })).collect()
    }

    /// An address of its own.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A token.
    pub fn signed(&self, issuer: &str, subject: &str, audience: &str) -> String {
        self.signing.sign(issuer, subject, audience)
    }

    /// What a job of GitHub shows to get tokens with this subject.
    pub fn of_github(&self, subject: &str) -> String {
        let secret = format!("may-ask-for:{subject}");
        self.signing.subjects.lock().unwrap().insert(secret.clone(), subject.to_owned());
        secret
    }

    /// What the task AzureCLI@2 tells its script of a service connection.
    pub fn of_azure_devops(&self, connection: &str, variables: &Variables) -> [(&'static str, String); 3] {
        let (_, id, client) = CONNECTIONS.iter().find(|(name, ..)| *name == connection).unwrap();
        [
            ("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", (*id).to_owned()),
            ("AZURESUBSCRIPTION_CLIENT_ID", variables[*client].clone()),
            ("AZURESUBSCRIPTION_TENANT_ID", variables["AZURE_TENANT_ID"].clone()),
        ]
    }
}

impl Signing {
    fn sign(&self, issuer: &str, subject: &str, audience: &str) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let claims = json!({
            "iss": issuer, "sub": subject, "aud": audience, "iat": now, "nbf": now, "exp": now + 300,
        });
        self.key.sign(&claims).unwrap()
    }

    /// The body of the answer, where a request is as the system's documentation has it.
    fn body(&self, request: &str, authorization: &str) -> Option<Json> {
        let (method, rest) = request.split_once(' ')?;
        let url = url::Url::parse("http://host").unwrap().join(rest.split(' ').next()?).ok()?;
        let asked: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        match (method, url.path()) {
            ("GET", "/github") if asked["api-version"] == "2.0" => {
                let subjects = self.subjects.lock().unwrap();
                let subject = subjects.get(authorization.strip_prefix("bearer ")?)?;
                let audience = asked.get("audience")?;
                Some(json!({ "value": self.sign("https://token.actions.githubusercontent.com", subject, audience) }))
            }
            ("POST", "/devops") if authorization == "Bearer a-token-of-the-job" && asked["api-version"] == "7.1" => {
                let (_, id, _) = CONNECTIONS.iter().find(|(_, id, _)| *id == asked["serviceConnectionId"])?;
                let subject = format!("/eid1/c/pub/t/acme/a/devops/sc/60000000-0000-4000-8000-000000000001/{id}");
                Some(json!({ "oidcToken": self.sign(&self.azure_devops, &subject, AUDIENCE) }))
            }
            _ => None,
        }
    }
}

fn answer(signing: &Signing, mut stream: &TcpStream) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    let request = lines.next().unwrap_or_default();
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned())))
        .collect();
    let authorization = headers.get("authorization").map_or("", String::as_str);
    let (status, body) = match signing.body(&request, authorization) {
        Some(body) => ("200 OK", body.to_string()),
        None => ("401 Unauthorized", "{}".to_owned()),
    };
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n");
    // The other side may have gone away.
    let _ = write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len());
}
