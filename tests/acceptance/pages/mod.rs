//! What a page tells a reader to type is typed, and what it shows as configuration is held to Terraform.
//!
//! In a page's Markdown a comment in the line before a block says what the reader does not see:
//!
//! - `<!-- not run: WHY -->` before a block of `shell` that cannot run in the emulator;
//! - `<!-- with az: COMMANDS -->` before one that is for a subscription, and runs apart with the Azure CLI after these commands, which give
//!   the reader's variables the emulator's values;
//! - `<!-- file: NAME -->` before a block that the reader writes to this file.

mod configuration;
mod front;
mod guides;
pub mod markdown;
pub mod shell;
mod subscription;
mod taken_over;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use self::markdown::Page;
use crate::azwi::{Azwi, on_an_emulated_cluster_only};
use crate::emulator::Emulator;

/// Follows pages under every Terraform. Each has an emulator of its own, and one that fails does not hide the next.
#[track_caller]
fn each_page(pages: &[Page], follow: impl Fn(&Azwi, &Page) + Sync) {
    assert!(!pages.is_empty());
    on_an_emulated_cluster_only("the pages are about clusters that Azure knows", |azwi| {
        let mut failed = Vec::new();
        for page in pages {
            let azwi = crate::binding::hurried(Azwi::anywhere(&azwi.terraform, Arc::new(Emulator::start())));
            if catch_unwind(AssertUnwindSafe(|| follow(&azwi, page))).is_err() {
                failed.push(page.path.as_str());
            }
        }
        assert!(failed.is_empty(), "{failed:?}; what failed in them is above");
    });
}
