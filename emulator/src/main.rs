//! `azwi-emulator`: Azure, Entra ID and Kubernetes for workload identity, on one local port.
//!
//! `serve` writes one line to stdout, `ready https://…`, when it serves, and `env` what a shell can evaluate; everything else is on stderr.
//! `run` leaves both to the command that it runs.

mod run;
mod signals;
mod start;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use azwi_emulator::Emulator;
use clap::{Args, Parser, Subcommand};

use self::signals::Signals;
use self::start::{World, runtime};

#[derive(Parser)]
#[command(
    name = "azwi-emulator",
    version,
    about = "Azure, Entra ID and Kubernetes for workload identity, on one local port"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves until it is told to stop; prints `ready https://HOST:PORT` when it does.
    Serve(Serve),
    /// Runs a command that has an emulator in its environment, and ends with it: azwi-emulator run -- terraform test.
    Run(run::Run),
    /// Prints the environment of an emulator's folder as exports: eval "$(azwi-emulator env --dir DIR)".
    Env(Env),
}

#[derive(Args)]
struct Env {
    /// The folder that the emulator was started with.
    #[arg(long)]
    dir: PathBuf,
}

#[derive(Args)]
struct Serve {
    #[command(flatten)]
    world: World,
}

fn main() -> ExitCode {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    let done = match Arguments::parse().command {
        Command::Serve(arguments) => serve(arguments).map(|()| ExitCode::SUCCESS),
        Command::Run(arguments) => run::run(arguments),
        Command::Env(arguments) => env(&arguments).map(|()| ExitCode::SUCCESS),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(io::stderr(), "azwi-emulator: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: Serve) -> Result<(), String> {
    let options = arguments.world.options()?;
    // The signals are ours before anybody can know that we serve.
    let runtime = runtime()?;
    let mut signals = runtime.block_on(async { Signals::listen() }).map_err(|error| format!("no signals: {error}"))?;
    let emulator = Emulator::start(options).map_err(|error| error.to_string())?;
    writeln!(io::stdout(), "ready {}", emulator.url)
        .and_then(|()| io::stdout().flush())
        .map_err(|error| error.to_string())?;
    let _ = writeln!(io::stderr(), "folder {}", emulator.dir.display());
    runtime.block_on(signals.next());
    drop(emulator);
    Ok(())
}

/// Prints what the folder's `env` file has, so that a shell takes each value as it is.
fn env(arguments: &Env) -> Result<(), String> {
    let path = arguments.dir.join("env");
    let text = std::fs::read_to_string(&path)
        .map_err(|error| format!("{}: {error}. Is this the --dir of an emulator that was started?", path.display()))?;
    let export = |(name, value): (&str, &str)| format!("export {name}='{}'\n", value.replace('\'', "'\\''"));
    let exports: String = text.lines().filter_map(|line| line.split_once('=')).map(export).collect();
    io::stdout().write_all(exports.as_bytes()).map_err(|error| error.to_string())
}
