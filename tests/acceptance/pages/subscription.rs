//! The commands for a reader's own subscription, which ask the Azure CLI for the values of the variables: run in the emulator, where only
//! the names are others.

use super::each_page;
use super::markdown::{Page, pages};
use super::shell::Shell;
use crate::azwi::Azwi;

#[test]
#[ignore = "needs the Azure CLI; make test-clients installs it and runs this"]
fn the_commands_for_a_subscription_do_what_they_should_in_the_emulator_with_the_azure_cli() {
    let mut pages = pages();
    pages.retain(|page| page.blocks.iter().any(|block| block.with_az.is_some()));
    assert!(pages.len() >= 9, "only {} pages were found", pages.len());
    each_page(&pages, follow);
}

fn follow(azwi: &Azwi, page: &Page) {
    let folder = if page.path.starts_with("examples/") { page.path.trim_end_matches("/README.md") } else { "." };
    let shell = Shell::begin(azwi, folder);
    for block in &page.blocks {
        if let Some(before) = &block.with_az {
            shell.run(&format!("{}:{}", page.path, block.line), &format!("{before}\n{}", block.text));
        }
    }
    // What they plan or make is whole: Terraform asks for nothing more, and takes it away again.
    shell.run(&page.path, "terraform plan -input=false\nterraform destroy");
}
