//! Azure's regions, as they are written.

/// A region as Azure compares it: lower case, without spaces. "East US" is `eastus`.
pub(crate) fn normal(location: &str) -> String {
    location.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
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
        assert!(!same("East US", "eastus2"));
    }
}
