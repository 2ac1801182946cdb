//! Where two texts that must agree byte for byte do not: the eye misses a slash and a capital letter.

/// The first place where `found` differs from `expected`, in words.
pub(crate) fn first(expected: &str, found: &str) -> String {
    let (mut wanted, mut got) = (expected.chars(), found.chars());
    let mut place = 1;
    loop {
        match (wanted.next(), got.next()) {
            (Some(wanted), Some(got)) if wanted == got => place += 1,
            (Some(wanted), Some(got)) => {
                return format!("Character {place} is {} instead of {}.", shown(got), shown(wanted));
            }
            (Some(wanted), None) => {
                return format!("It ends after character {}; {} is missing.", place - 1, shown(wanted));
            }
            (None, Some(got)) => return format!("Character {place}, {}, is one too many.", shown(got)),
            (None, None) => return "They are the same.".to_owned(),
        }
    }
}

fn shown(character: char) -> String {
    match character {
        ' ' => "a space".to_owned(),
        '/' => "the slash `/`".to_owned(),
        other => format!("`{}`", other.escape_debug()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_named_by_its_place() {
        for (expected, found, told) in [
            ("https://a/", "https://a", "It ends after character 9; the slash `/` is missing."),
            ("https://a", "https://a/", "Character 10, the slash `/`, is one too many."),
            ("https://a/b", "https://a/B", "Character 11 is `B` instead of `b`."),
            ("https://a", "https://a ", "Character 10, a space, is one too many."),
            ("é", "e", "Character 1 is `e` instead of `é`."),
            ("a", "a", "They are the same."),
        ] {
            assert_eq!(first(expected, found), told);
        }
    }
}
