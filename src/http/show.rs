//! URLs and foreign text, as they may appear in messages and logs.

use std::fmt::Write as _;

use url::Url;

/// At most this many characters of foreign text are shown. An error of a service says what it has to say in fewer.
const SHOWN: usize = 2_000;

/// A URL without user, password, query and fragment: all of these may entitle to something.
pub(crate) fn show_url(url: &Url) -> String {
    let Some(host) = url.host_str() else { return format!("{}:…", url.scheme()) };
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let path = if url.path() == "/" { "" } else { url.path() };
    show_text(&format!("{}://{host}{port}{path}", url.scheme()))
}

/// The same of a text that should be a URL. If it is none, what may be user, password or query is left out all the same.
pub(crate) fn show_address(text: &str) -> String {
    if let Ok(url) = Url::parse(text.trim())
        && url.has_host()
    {
        return show_url(&url);
    }
    let text = text.trim().split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = text.split_once("://").map_or(("", text), |(scheme, rest)| (scheme, rest));
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    show_text(&if scheme.is_empty() { rest.to_owned() } else { format!("{scheme}://{rest}") })
}

/// Foreign text: cut where it is very long, and without characters that a terminal would obey.
pub(crate) fn show_text(text: &str) -> String {
    show_at_most(text, SHOWN)
}

/// The same with another limit, in characters.
pub(crate) fn show_at_most(text: &str, limit: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(limit));
    let mut rest = text.chars().peekable();
    let mut characters = 0;
    while characters < limit
        && let Some(character) = rest.next()
    {
        characters += 1;
        match character {
            '\n' | '\t' => shown.push(character),
            '\r' if rest.peek() == Some(&'\n') => shown.push(character),
            _ if is_obeyed(character) => shown.extend(character.escape_unicode()),
            _ => shown.push(character),
        }
    }
    let cut = rest.count();
    if cut > 0 {
        let _ = write!(shown, "… ({cut} more characters)");
    }
    shown
}

/// Whether a terminal acts on a character instead of showing it: control characters, and those that reverse the order of text.
fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_is_shown_without_what_entitles() {
        for (url, shown) in [
            ("https://user:p%40ss@host:8443/a/b?sig=s&code=c#f", "https://host:8443/a/b"),
            ("https://host/", "https://host"),
            ("https://host:443/?code=c", "https://host"),
            ("https://token@[::1]:6443", "https://[::1]:6443"),
            ("data:text/plain,secret", "data:…"),
            ("https://host/a%1b[31m", "https://host/a%1b[31m"),
        ] {
            assert_eq!(show_url(&Url::parse(url).unwrap()), shown);
        }
    }

    #[test]
    fn address_that_is_no_url_keeps_no_secret_either() {
        for (text, shown) in [
            (" https://user:pass@host/x?y ", "https://host/x"),
            ("user:pass@host:6443", "host:6443"),
            ("https://us er:p@ss@ho st/x?sig=s", "https://ho st/x"),
            ("management.azure.com", "management.azure.com"),
            ("", ""),
            ("host\u{1b}[31m", "host\\u{1b}[31m"),
        ] {
            assert_eq!(show_address(text), shown);
        }
    }

    #[test]
    fn text_is_shown_without_what_a_terminal_obeys() {
        for (text, shown) in [
            ("Fehler: ümläut 日本 🙂", "Fehler: ümläut 日本 🙂"),
            ("one\r\ntwo\n\tthree", "one\r\ntwo\n\tthree"),
            ("a\u{1b}[2J\u{7}\u{8}b", "a\\u{1b}[2J\\u{7}\\u{8}b"),
            ("over\rwritten", "over\\u{d}written"),
            ("\u{9b}31m\u{7f}\0", "\\u{9b}31m\\u{7f}\\u{0}"),
            ("\u{202e}gnp.exe", "\\u{202e}gnp.exe"),
        ] {
            assert_eq!(show_text(text), shown);
            assert_eq!(show_text(shown), shown, "what may be shown stays as it is");
        }
    }

    #[test]
    fn long_text_is_cut_with_a_note() {
        assert_eq!(show_text(&"x".repeat(SHOWN)), "x".repeat(SHOWN));
        let cut = show_text(&"é".repeat(SHOWN + 3));
        assert_eq!(cut, format!("{}… (3 more characters)", "é".repeat(SHOWN)));
        assert!(show_text(&"\u{1b}".repeat(1 << 20)).len() < 20_000);
    }
}
