//! Child processes that do not outlive the call that waits for them.
//!
//! A credential plugin and the Azure CLI are scripts as often as not: what hangs is a grandchild. Each child therefore leads a
//! process group of its own, and the whole group is killed if the call ends before the child does: at its deadline, at Ctrl-C
//! or at the end of this process. Windows has no such groups; there the child alone is killed.

use std::io;
use std::process::{Output, Stdio};

use tokio::process::Command;

use crate::http::{show_at_most, show_text};

/// The most that is shown of what a child wrote, in characters.
const SHOWN: usize = 1000;

/// Runs a program to its end, with nothing on its standard input. To be dropped if it takes too long.
///
/// # Errors
/// If the program cannot be started.
pub(crate) async fn output(mut command: Command) -> io::Result<Output> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    let child = command.spawn()?;
    let group = Group(child.id());
    let output = child.wait_with_output().await;
    group.disarm();
    output
}

/// The name of a program for messages: never its folder, and nothing that might be an argument.
pub(crate) fn name(program: &str) -> String {
    let word = program.split_whitespace().next().unwrap_or_default();
    let name = word.rsplit(['/', std::path::MAIN_SEPARATOR]).next().unwrap_or_default();
    show_text(name)
}

/// How a program failed, in a message: its name, its exit status, and what it wrote to its standard error.
pub(crate) fn failure(program: &str, output: &Output) -> String {
    let name = name(program);
    let ended = match output.status.code() {
        Some(code) => format!("`{name}` exited with status {code}"),
        None => format!("`{name}` was ended by a signal ({})", output.status),
    };
    match show_at_most(String::from_utf8_lossy(&output.stderr).trim(), SHOWN) {
        said if said.is_empty() => format!("{ended} and wrote no reason to standard error."),
        said => format!("{ended}: {said}"),
    }
}

/// A process group that is killed when this is dropped.
struct Group(Option<u32>);

impl Group {
    /// Leaves the group alone.
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(leader) = self.0.and_then(|id| i32::try_from(id).ok()) {
            use nix::sys::signal::{Signal, killpg};
            // It may have ended by itself in the meantime.
            let _ = killpg(nix::unistd::Pid::from_raw(leader), Signal::SIGKILL);
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_child_that_is_waited_for_too_long_is_killed_with_its_own_children() {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        let mut command = Command::new("sh");
        command.arg("-c").arg("sleep 300 & echo $! > \"$0.new\"; mv \"$0.new\" \"$0\"; wait").arg(&pid);
        let ended = tokio::time::timeout(Duration::from_secs(20), async {
            tokio::select! {
                output = output(command) => panic!("{output:?}"),
                () = async { while !pid.exists() { tokio::time::sleep(Duration::from_millis(10)).await } } => {}
            }
        });
        ended.await.unwrap();
        let grandchild: i32 = std::fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
        let grandchild = nix::unistd::Pid::from_raw(grandchild);
        for _ in 0..500 {
            // A zombie whose new parent has not looked yet is dead, too.
            let state = std::fs::read_to_string(format!("/proc/{grandchild}/stat")).unwrap_or_default();
            if nix::sys::signal::kill(grandchild, None).is_err() || state.contains(") Z ") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the grandchild {grandchild} lives on");
    }

    #[test]
    fn only_the_name_of_a_program_is_shown() {
        assert_eq!(name("/opt/bin/kubelogin"), "kubelogin");
        assert_eq!(name("kubelogin get-token --client-secret hunter2"), "kubelogin");
    }
}
