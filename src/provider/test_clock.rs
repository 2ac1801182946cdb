//! Shorter waits for this project's tests. The feature `test-clock` compiles it, which only the package's dev-dependency on itself enables:
//! a binary that is shipped does not read these variables.

use super::source::Environment;
use crate::azure::Patience;

/// AZWI_TEST_HURRY divides every wait, and AZWI_TEST_PROBES is the number of accepted exchanges in a row that verify a binding.
pub(super) fn patience(environment: Environment<'_>) -> Patience {
    let number = |name: &str| environment(name).and_then(|text| text.parse::<u32>().ok()).filter(|number| *number > 0);
    let patience = Patience::default().hurried(number("AZWI_TEST_HURRY").unwrap_or(1));
    Patience { probes: number("AZWI_TEST_PROBES").unwrap_or(patience.probes), ..patience }
}
