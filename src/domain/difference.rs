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
    use crate::golden::assert_golden;

    #[test]
    fn the_first_difference_is_named_by_its_place() {
        let pairs = [
            ("https://a/", "https://a"),
            ("https://a", "https://a/"),
            ("https://a/b", "https://a/B"),
            ("https://a", "https://a "),
            ("é", "e"),
            ("a", "a"),
        ];
        let case = |(expected, found): (&str, &str)| (format!("`{expected}` and `{found}`"), first(expected, found));
        assert_golden("domain::difference", pairs.map(case));
    }
}
