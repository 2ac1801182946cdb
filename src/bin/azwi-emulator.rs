//! `azwi-emulator`: Azure, Entra ID and Kubernetes for workload identity, on one local port.
//!
//! `serve` writes one line to stdout, `ready https://…`, when it serves, and `env` what a shell can evaluate; everything else is on stderr.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use azwi::emulator::fault::Fault;
use azwi::emulator::rule::Rule;
use azwi::emulator::seed::Seed;
use azwi::emulator::settings::{Settings, Throttle};
use azwi::emulator::{Emulator, Options};
use clap::{Args, Parser, Subcommand};

#[derive(Parser)]
#[command(version, about = "Azure, Entra ID and Kubernetes for workload identity, on one local port")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves until it is told to stop; prints `ready https://HOST:PORT` when it does.
    Serve(Serve),
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
    /// The address and port; port 0 is a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The folder that gets ca.pem, kubeconfig, env and the state. Without it a temporary one, and nothing is kept.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// What to begin with, JSON or YAML; a folder that has a state keeps that instead.
    #[arg(long)]
    seed: Option<PathBuf>,
    /// How long every request takes, in milliseconds.
    #[arg(long, default_value_t = 0)]
    latency: u64,
    /// Whether the documented limits on requests are kept: off or documented.
    #[arg(long, default_value = "off")]
    throttle: Throttle,
    /// Whether the clusters honour roles. Without it whoever signs in to one may do everything.
    #[arg(long)]
    rbac: bool,
    /// Rules that are not kept, separated by commas.
    #[arg(long, value_delimiter = ',')]
    without: Vec<Rule>,
    /// What goes wrong on purpose: a JSON list of faults.
    #[arg(long)]
    faults: Option<PathBuf>,
}

fn main() -> ExitCode {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    let done = match Arguments::parse().command {
        Command::Serve(arguments) => serve(arguments),
        Command::Env(arguments) => env(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "azwi-emulator: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: Serve) -> Result<(), String> {
    let settings = Settings {
        latency_ms: arguments.latency,
        throttle: arguments.throttle,
        rbac: arguments.rbac,
        without: arguments.without,
        ..Settings::default()
    };
    let options = Options {
        dir: arguments.dir,
        listen: arguments.listen,
        seed: read(arguments.seed, Seed::parse)?,
        settings,
        faults: read(arguments.faults, parse_faults)?.unwrap_or_default(),
    };
    // The signals are ours before anybody can know that we serve.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let stop = runtime.block_on(async { Stop::listen() }).map_err(|error| format!("no signals: {error}"))?;
    let emulator = Emulator::start(options).map_err(|error| error.to_string())?;
    writeln!(io::stdout(), "ready {}", emulator.url)
        .and_then(|()| io::stdout().flush())
        .map_err(|error| error.to_string())?;
    let _ = writeln!(io::stderr(), "folder {}", emulator.dir.display());
    runtime.block_on(stop.wait());
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

fn read<T>(path: Option<PathBuf>, parse: fn(&str) -> Result<T, String>) -> Result<Option<T>, String> {
    let Some(path) = path else { return Ok(None) };
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = std::fs::read_to_string(&path).map_err(|error| named(&error))?;
    parse(&text).map(Some).map_err(|error| named(&error))
}

fn parse_faults(text: &str) -> Result<Vec<Fault>, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// The signals that end it.
#[cfg(unix)]
struct Stop {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Stop {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn wait(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Stop;

#[cfg(not(unix))]
impl Stop {
    fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    async fn wait(self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
