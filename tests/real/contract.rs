//! The contract that the emulator is held to, held to the real server. With `RECORD=1` its answers become the contract.

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io::Write as _,
    time::{Duration, Instant},
};

use crate::{
    contract::{self, Contract, Raw, Target},
    server::{ADMIN, Server},
};

/// A connection to a server.
struct Real<'a> {
    server: &'a Server,
    client: reqwest::Client,
}

impl Target for Real<'_> {
    // The authorizer and the caches of tokens learn of changes by watching, or when ten seconds have passed.
    const PATIENCE: Duration = Duration::from_secs(30);

    fn url(&self) -> String {
        self.server.url.clone()
    }

    fn issuer(&self) -> String {
        self.server.issuer.clone()
    }

    fn admin(&self) -> String {
        ADMIN.token.unwrap().to_owned()
    }

    async fn exchange(&mut self, method: &str, path: &str, headers: &BTreeMap<String, String>, body: Vec<u8>) -> Raw {
        let mut request = self.client.request(method.parse().unwrap(), format!("{}{path}", self.server.url)).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Raw { status, headers, text: answer.text().await.unwrap() }
    }

    async fn compact(&mut self) {
        self.server.compact().await;
    }
}

#[tokio::test]
async fn the_recorded_answers_are_what_a_real_server_answers() {
    let server = Server::shared().await;
    let record = std::env::var_os("RECORD").is_some();
    // Files share no namespace, and some of their steps take time.
    let told = futures::future::join_all(
        contract::files(concat!(env!("CARGO_MANIFEST_DIR"), "/emulator")).into_iter().map(async |path| {
            let mut contract = Contract::read(&path);
            let own =
                if contract.without_watch_cache { Some(Server::start(&["--watch-cache=false"]).await) } else { None };
            let server = own.as_ref().unwrap_or(server);
            let mut real = Real { server, client: server.http(ADMIN).client };
            let (begun, steps) = (Instant::now(), contract.steps.len());
            let differences = contract.run(&mut real, record).await;
            if record {
                contract.write(&path);
            }
            let file = path.file_stem().unwrap().to_string_lossy().into_owned();
            report(&file, steps, differences.len(), begun.elapsed());
            differences.into_iter().map(|(step, told)| format!("{file}: {step}\n  {told}")).collect::<Vec<_>>()
        }),
    );
    let told = told.await.concat();
    assert!(told.is_empty(), "{} answers are not as recorded\n\n{}", told.len(), told.join("\n"));
}

/// A line for each file in the file that AZWI_TEST_REPORT names, with tabs between its fields: the file, how many of its steps were
/// answered as recorded, and how long it took.
fn report(file: &str, steps: usize, differ: usize, took: Duration) {
    if let Some(path) = std::env::var_os("AZWI_TEST_REPORT") {
        let mut report = OpenOptions::new().create(true).append(true).open(path).unwrap();
        let line = format!("{file}\t{}\t{:.1} s\n", steps - differ, took.as_secs_f64());
        report.write_all(line.as_bytes()).unwrap();
    }
}
