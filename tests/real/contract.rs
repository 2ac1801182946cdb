//! The contract that the emulator is held to, held to the real server. With `RECORD=1` its answers become the contract.

use crate::{
    contract::{self, Contract, Target},
    server::{ADMIN, Server},
};

#[tokio::test]
async fn the_recorded_answers_are_what_a_real_server_answers() {
    let server = Server::shared().await;
    let target = Target {
        url: server.url.clone(),
        issuer: server.url.clone(),
        ca: server.ca.clone(),
        admin: ADMIN.token.unwrap().to_owned(),
    };
    let record = std::env::var_os("RECORD").is_some();
    // Files share no namespace, and some of their steps take time.
    let told = futures::future::join_all(contract::files().into_iter().map(|path| {
        let target = &target;
        async move {
            let mut contract = Contract::read(&path);
            let differences = contract.run(target, record).await;
            if record {
                contract.write(&path);
            }
            let file = path.file_stem().unwrap().to_string_lossy().into_owned();
            differences.into_iter().map(|difference| format!("{file}: {difference}")).collect::<Vec<_>>()
        }
    }));
    let told = told.await.concat();
    assert!(told.is_empty(), "{} answers are not as recorded\n\n{}", told.len(), told.join("\n"));
}
