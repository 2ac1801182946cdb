//! When the process ends, other than by the host's Shutdown.
//!
//! An interrupt goes to the whole process group, so it reaches us as well as the host. The host then
//! calls StopProvider and waits for what is in flight: ending at the interrupt itself would lose the
//! outcome of every request under way.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// The end of the process: no new calls, and only so long for those under way.
#[derive(Debug, Clone, Default)]
pub(super) struct End {
    begun: CancellationToken,
    pressing: CancellationToken,
}

/// For calls under way when somebody is waiting for us to be gone: a host that called Shutdown kills us after two seconds.
const PRESSING: Duration = Duration::from_secs(1);

/// For calls under way when we were asked to terminate. Who asks for that usually insists after 30 seconds.
const POLITE: Duration = Duration::from_secs(20);

impl End {
    /// Ends the process as soon as the calls under way have answered.
    pub(super) fn when_calls_are_done(&self) {
        self.begun.cancel();
    }

    /// Ends the process at once, or nearly.
    pub(super) fn at_once(&self) {
        self.begun.cancel();
        self.pressing.cancel();
    }

    /// Waits until the end has begun.
    pub(super) fn begun(&self) -> impl Future<Output = ()> + Send + 'static {
        self.begun.clone().cancelled_owned()
    }

    /// Waits until the calls under way have had their time.
    pub(super) async fn overdue(&self) {
        self.begun.cancelled().await;
        let pressed = async {
            self.pressing.cancelled().await;
            tokio::time::sleep(PRESSING).await;
        };
        tokio::select! {
            () = pressed => (),
            () = tokio::time::sleep(POLITE) => (),
        }
    }
}

/// Who decides about an interrupt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interrupt {
    /// The host does; we ignore it, and end when the host is gone.
    IsTheHosts,
    /// The developer who started us; it ends us.
    EndsUs,
}

/// Begins `end` when the process should finish. Signals are caught from the moment this returns.
pub(super) fn watch(interrupt: Interrupt, end: &End) -> std::io::Result<()> {
    let signals = Signals::catch()?;
    tokio::spawn(follow(signals, interrupt, end.clone()));
    if interrupt == Interrupt::IsTheHosts {
        // Asked now, before the host can know that we are there, and not when the task first runs.
        #[cfg(unix)]
        tokio::spawn(end_without(std::os::unix::process::parent_id(), end.clone()));
    }
    Ok(())
}

async fn follow(mut signals: Signals, interrupt: Interrupt, end: End) {
    let mut asked = false;
    loop {
        match signals.next().await {
            Signal::Interrupt if interrupt == Interrupt::IsTheHosts => {
                tracing::debug!("Interrupted: the host will call StopProvider");
            }
            // Whoever stops a whole process group stops the host as well, which then waits for our calls to answer.
            Signal::Terminate if interrupt == Interrupt::IsTheHosts && !asked => {
                asked = true;
                end.when_calls_are_done();
            }
            Signal::Interrupt | Signal::Terminate => end.at_once(),
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
/// that started us ends, which in a Go program may be at any time. Windows cannot be asked for a parent; there a host that
/// is killed leaves us behind, as it does every plugin.
#[cfg(unix)]
async fn end_without(parent: u32, end: End) {
    let mut ticks = tokio::time::interval(PARENT_CHECK);
    while std::os::unix::process::parent_id() == parent {
        ticks.tick().await;
    }
    tracing::warn!(parent, "The host is gone");
    end.at_once();
}

#[cfg(unix)]
const PARENT_CHECK: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    async fn comes(future: impl Future) -> bool {
        tokio::time::timeout(PRESSING * 2, future).await.is_ok()
    }

    #[tokio::test]
    async fn calls_under_way_get_their_time_unless_somebody_waits() {
        let end = End::default();
        assert!(futures::FutureExt::now_or_never(end.begun()).is_none());
        end.when_calls_are_done();
        assert!(comes(end.begun()).await);
        assert!(!comes(end.overdue()).await, "the calls were cut short");
        end.at_once();
        assert!(comes(end.overdue()).await);
    }
}
