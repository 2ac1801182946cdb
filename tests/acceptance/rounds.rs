//! Which Terraforms a scenario runs under.
//!
//! A round runs each scenario under one Terraform, and as many successive rounds as there are Terraforms run it under all of them.
//! AZWI_ROUND is the number of the round, which `make test` derives from the number of commits. Without it, or if it is `all`, each
//! scenario runs under all Terraforms at once.

use sha2::{Digest, Sha256};

use crate::report;
use crate::terraform::Terraform;

/// The number of the round; `None` if every scenario runs under every Terraform.
fn number() -> Option<u64> {
    let round = std::env::var("AZWI_ROUND").ok().filter(|round| round != "all")?;
    Some(round.parse().unwrap_or_else(|_| panic!("AZWI_ROUND is neither a number nor `all`: {round}")))
}

/// The Terraforms that run this scenario in this round: one of these, or all where there are no rounds.
pub fn chosen<'a>(test: &str, from: &[&'a Terraform]) -> Vec<&'a Terraform> {
    match number() {
        Some(round) => position(test, round, from.len()).map(|position| from[position]).into_iter().collect(),
        None => from.to_vec(),
    }
}

/// The Terraform that runs this scenario on top of those, because it has steps that need a version which none of those has.
pub fn for_the_steps_left_out(test: &str, ran: &[&Terraform], needed: (u64, u64)) -> Option<&'static Terraform> {
    let (major, minor) = needed;
    if ran.iter().any(|terraform| terraform.is_at_least(major, minor)) {
        return None;
    }
    let able: Vec<&Terraform> = Terraform::all().iter().filter(|one| one.is_at_least(major, minor)).collect();
    let found = chosen(test, &able).first().copied();
    if found.is_none() {
        report::print(&format!("{test}: left out the steps that need Terraform {major}.{minor} or later"));
    }
    found
}

/// The command that repeats this scenario in this round.
pub fn command(test: &str) -> String {
    let round = number().map_or_else(|| "all".to_owned(), |round| round.to_string());
    let environment = if std::env::var_os("AZWI_TERRAFORMS").is_some() {
        format!("AZWI_TERRAFORMS=\"$(tools/terraforms)\" AZWI_ROUND={round} ")
    } else {
        String::new()
    };
    format!("{environment}cargo test --workspace --test acceptance -- --exact {test}")
}

/// What the round means for those Terraforms, for the first line of a run.
pub fn describe(terraforms: &[Terraform]) -> String {
    let names: Vec<&str> = terraforms.iter().map(|terraform| terraform.name.as_str()).collect();
    let names = names.join(", ");
    match number() {
        Some(round) => format!("round {round}: each scenario runs under one of {names} (AZWI_ROUND=all: under all)"),
        None => format!("each scenario runs under {names}"),
    }
}

/// Of so many, the one that is next for this scenario. The name moves scenarios apart, so that a round has some under each.
fn position(test: &str, round: u64, count: usize) -> Option<usize> {
    let digest = Sha256::digest(test);
    let offset = u64::from(u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]));
    let position = offset.wrapping_add(round).checked_rem(u64::try_from(count).unwrap())?;
    Some(usize::try_from(position).unwrap())
}

#[test]
fn successive_rounds_run_a_scenario_under_every_terraform() {
    for (test, first) in [("identity::is_created", 0), ("chain::whole", 1234), ("", u64::from(u32::MAX))] {
        for count in 1..=4 {
            let rounds = first..first + u64::try_from(count).unwrap();
            let mut positions: Vec<usize> = rounds.filter_map(|round| position(test, round, count)).collect();
            positions.sort_unstable();
            assert_eq!(positions, (0..count).collect::<Vec<_>>(), "{test} from round {first}");
        }
    }
    assert_eq!(position("none", 7, 0), None);
}

#[test]
fn a_round_has_scenarios_under_every_terraform() {
    let positions: std::collections::BTreeSet<usize> =
        (0..40).filter_map(|number| position(&format!("module::scenario_{number}"), 5, 4)).collect();
    assert_eq!(positions.len(), 4);
}
