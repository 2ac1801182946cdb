//! When the process ends, other than by the host's Shutdown.
//!
//! An interrupt goes to the whole process group, so it reaches us as well as the host. The host then
//! calls StopProvider and waits for what is in flight: ending at the interrupt itself would lose the
//! outcome of every request under way.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Who decides about an interrupt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interrupt {
    /// The host does; we ignore it, and end when the host is gone.
    IsTheHosts,
    /// The developer who started us; it ends us.
    EndsUs,
}

/// Cancels `end` when the process should finish. Signals are caught from the moment this returns.
pub(super) fn watch(interrupt: Interrupt, end: &CancellationToken) -> std::io::Result<()> {
    let signals = Signals::catch()?;
    tokio::spawn(follow(signals, interrupt, end.clone()));
    if interrupt == Interrupt::IsTheHosts {
        tokio::spawn(end_with_parent(end.clone()));
    }
    Ok(())
}

async fn follow(mut signals: Signals, interrupt: Interrupt, end: CancellationToken) {
    loop {
        match signals.next().await {
            Signal::Interrupt if interrupt == Interrupt::IsTheHosts => {
                tracing::debug!("Interrupted: the host will call StopProvider");
            }
            Signal::Interrupt | Signal::Terminate => return end.cancel(),
        }
    }
}

enum Signal {
    Interrupt,
    Terminate,
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn catch() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
}

#[cfg(windows)]
struct Signals {
    interrupt: tokio::signal::windows::CtrlC,
    terminate: tokio::signal::windows::CtrlClose,
}

#[cfg(windows)]
impl Signals {
    fn catch() -> std::io::Result<Self> {
        use tokio::signal::windows::{ctrl_c, ctrl_close};
        Ok(Self { interrupt: ctrl_c()?, terminate: ctrl_close()? })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
}

/// A host that is killed, or interrupted twice, tells us nothing.
///
/// We look, rather than ask the kernel for a signal: Linux sends PR_SET_PDEATHSIG when the *thread*
/// that started us ends, which in a Go program may be at any time.
#[cfg(unix)]
async fn end_with_parent(end: CancellationToken) {
    let parent = std::os::unix::process::parent_id();
    let mut ticks = tokio::time::interval(PARENT_CHECK);
    while std::os::unix::process::parent_id() == parent {
        ticks.tick().await;
    }
    tracing::warn!(parent, "The host is gone");
    end.cancel();
}

/// Windows has no parents to ask for: there the host's job object ends us.
#[cfg(not(unix))]
async fn end_with_parent(_end: CancellationToken) {}

#[cfg(unix)]
const PARENT_CHECK: Duration = Duration::from_millis(500);
