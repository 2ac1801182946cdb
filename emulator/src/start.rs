//! What `serve` and `run` have in common: the arguments that describe an emulator, and the runtime.

use std::net::SocketAddr;
use std::path::PathBuf;

use azwi_emulator::Options;
use azwi_emulator::fault::Fault;
use azwi_emulator::rule::Rule;
use azwi_emulator::seed::Seed;
use azwi_emulator::settings::{Settings, Throttle};
use clap::Args;

/// What an emulator is like.
#[derive(Args)]
pub(crate) struct World {
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

impl World {
    pub(crate) fn options(self) -> Result<Options, String> {
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

pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())
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
