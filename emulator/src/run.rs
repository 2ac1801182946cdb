//! `azwi-emulator run -- COMMAND`: an emulator for as long as one command takes.

use std::env;
use std::ffi::OsString;
use std::process::{ExitCode, ExitStatus};

use azwi_emulator::Emulator;
use clap::Args;
use tokio::process::{Child, Command};

use crate::signals::{Signal, Signals};
use crate::start::{World, runtime};

#[derive(Args)]
pub(crate) struct Run {
    #[command(flatten)]
    world: World,
    /// The command and what it is given; its exit status is that of this program.
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

/// What says where Azure and clusters are, and as whom to sign in. A command that has only half of it from the emulator might do to the
/// real ones what was meant for this.
const FOREIGN: &[&str] = &["ARM_", "AZURE_", "KUBE_"];

pub(crate) fn run(arguments: Run) -> Result<ExitCode, String> {
    let runtime = runtime()?;
    let options = arguments.world.options()?;
    let mut signals = runtime.block_on(async { Signals::listen() }).map_err(|error| format!("no signals: {error}"))?;
    let emulator = Emulator::start(options).map_err(|error| error.to_string())?;
    let [program, rest @ ..] = &arguments.command[..] else { return Err("there is no command".to_owned()) };
    let mut command = Command::new(program);
    command.args(rest);
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(|name| FOREIGN.iter().any(|foreign| name.starts_with(foreign))) {
            command.env_remove(name);
        }
    }
    command.envs(emulator.env());
    let status = runtime.block_on(async {
        let mut child = command.spawn()?;
        loop {
            tokio::select! {
                status = child.wait() => break status,
                // Ctrl-C reaches the command without us: it is in the same process group, and ends in its own time.
                signal = signals.next() => if signal == Signal::Terminate { terminate(&child) },
            }
        }
    });
    drop(emulator);
    status.map(exit_code).map_err(|error| format!("{}: {error}", program.display()))
}

#[cfg(unix)]
fn terminate(child: &Child) {
    use nix::sys::signal::{Signal, kill};
    if let Some(id) = child.id().and_then(|id| i32::try_from(id).ok()) {
        let _ = kill(nix::unistd::Pid::from_raw(id), Signal::SIGTERM);
    }
}

#[cfg(not(unix))]
fn terminate(_: &Child) {}

/// As a shell tells how a command ended.
fn exit_code(status: ExitStatus) -> ExitCode {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX));
    }
    status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}
