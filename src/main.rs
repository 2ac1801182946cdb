//! The provider's program. Terraform and OpenTofu start it without arguments.

use std::process::ExitCode;
use std::time::Duration;

use azwi::protocol;
use clap::Parser;

/// Terraform and OpenTofu provider for Microsoft Entra Workload ID on Kubernetes.
///
/// Without options this is a plugin, which only Terraform and OpenTofu can start.
#[derive(Parser)]
#[command(version)]
struct Options {
    /// Serve without being started by Terraform, and print what to set so that Terraform finds this process
    #[arg(long)]
    debug: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    protocol::prepare();
    match serve(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(options: &Options) -> Result<(), protocol::Error> {
    let runtime = tokio::runtime::Runtime::new()?;
    let served =
        runtime.block_on(async { if options.debug { protocol::debug().await } else { protocol::serve().await } });
    // What still blocks in a thread, such as a command that waits for a sign-in, must not keep the process.
    runtime.shutdown_timeout(Duration::from_millis(100));
    served
}
