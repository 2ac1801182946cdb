//! `azwi-emulator`: Azure, Entra ID and Kubernetes for workload identity, on one local port.
//!
//! `serve` writes one line to stdout, `ready https://…`, when it serves, and `env` what a shell can evaluate; everything else is on stderr.
//! `run` leaves both to the command that it runs.

mod run;
mod signals;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use azwi_emulator::fault::Fault;
use azwi_emulator::rule::Rule;
use azwi_emulator::seed::Seed;
use azwi_emulator::settings::{Settings, Throttle};
use azwi_emulator::{Emulator, Options};
use clap::{Args, Parser, Subcommand};

use self::signals::Signals;

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

/// What an emulator is like.
#[derive(Args)]
struct World {
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

fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())
}

impl World {
    fn options(self) -> Result<Options, String> {
        let settings = Settings {
            latency_ms: self.latency,
            throttle: self.throttle,
            rbac: self.rbac,
            without: self.without,
            ..Settings::default()
        };
        Ok(Options {
            dir: self.dir,
            listen: self.listen,
            seed: read(self.seed, Seed::parse)?,
            settings,
            faults: read(self.faults, parse_faults)?.unwrap_or_default(),
        })
    }
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
