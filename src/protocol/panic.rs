//! What becomes of a panic: the call it happened in answers with an error, and the server goes on.

use std::{
    any::Any,
    backtrace::Backtrace,
    cell::RefCell,
    io::Write as _,
    panic::{self, AssertUnwindSafe, PanicHookInfo},
};

use futures::FutureExt as _;

thread_local! {
    /// Where the last panic on this thread was. The hook knows and the one who catches it does not.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Reports every panic on standard error in the form that go-plugin looks for.
///
/// From a line that starts with `panic: ` on, the host keeps what follows and shows it to its user.
pub(super) fn install_hook() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string);
        let report = format!(
            "panic: {} at {}\n{}\n",
            message(payload(info)),
            place.as_deref().unwrap_or("an unknown place"),
            Backtrace::force_capture()
        );
        // A panic while the thread ends finds the place gone; a closed standard error leaves nobody to tell.
        let _ = PLACE.try_with(|last| last.replace(place));
        let _ = std::io::stderr().lock().write_all(report.as_bytes());
    }));
}

fn payload<'a>(info: &'a PanicHookInfo<'_>) -> &'a (dyn Any + Send) {
    info.payload()
}

/// Runs one call. The error is what the panic said, and where.
pub(super) async fn guard<T>(call: impl Future<Output = T>) -> Result<T, String> {
    AssertUnwindSafe(call).catch_unwind().await.map_err(|payload| {
        // Caught in the poll in which it happened, and so on the same thread.
        let place = PLACE.with(RefCell::take);
        match place {
            Some(place) => format!("{} at {place}", message(payload.as_ref())),
            None => message(payload.as_ref()).to_owned(),
        }
    })
}

fn message(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "something without a message"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNSET: &str = "a value without a default";

    #[tokio::test]
    async fn a_panic_becomes_an_error_and_the_next_call_works() {
        let caught = guard(async {
            tokio::task::yield_now().await;
            std::hint::black_box(None::<u8>).expect(UNSET)
        });
        let message = caught.await.unwrap_err();
        assert!(message.contains(UNSET), "{message}");
        assert_eq!(guard(async { 1 }).await, Ok(1));
    }

    #[tokio::test]
    async fn a_panic_with_a_made_up_message_is_told_in_full() {
        let message = guard(async { panic!("{} of {}", 3, "four") }).await.map(|(): ()| ()).unwrap_err();
        assert!(message.contains("3 of four"), "{message}");
    }
}
