//! Azure's regions, as they are written.

/// A region as Azure compares it: lower case, without spaces. "East US" is `eastus`, and so is "(US) East US", as
/// `az account list-locations` shows it.
pub(crate) fn normal(location: &str) -> String {
    let location = location.trim();
    let name = location.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(location, |(_, name)| name);
    name.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

/// Whether two texts name one region.
pub(crate) fn same(a: &str, b: &str) -> bool {
    normal(a) == normal(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_name_is_its_region() {
        assert!(same("East US 2", "eastus2"));
        assert!(same("(US) East US 2", "eastus2"));
        assert!(!same("East US", "eastus2"));
        assert_eq!(normal("(eastus"), "(eastus", "what is no region stays none");
    }
}
