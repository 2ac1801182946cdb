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
