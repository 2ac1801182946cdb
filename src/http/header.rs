//! What a header can carry.

/// Whether a header can carry the text: visible ASCII, with spaces between words.
pub(crate) fn fits_header(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_carries_visible_ascii_only() {
        assert!(fits_header("eyJ.a-b_c"));
        assert!(["", "a\nb", "a\r", "tökn", "a\0"].iter().all(|text| !fits_header(text)));
    }
}
