//! Words of others, fit to stand in an error: short, on one line, without control characters and without secrets.

/// How much of them is shown.
#[cfg(feature = "registry")]
const SHOWN_MAX: usize = 300;

/// Whether a terminal obeys `letter`, or shows nothing of it, or other letters in another order because of it.
pub(crate) fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// `text` with a mark in place of what a terminal would obey; lines stay lines.
#[cfg(feature = "registry")]
pub(crate) fn visible(text: &str) -> String {
    text.chars().map(|letter| if is_hidden(letter) && letter != '\n' { '\u{fffd}' } else { letter }).collect()
}

/// `text` on one line, without what a terminal would obey, at most 300 characters, with each of `secrets` replaced.
#[cfg(feature = "registry")]
pub(crate) fn tame(text: &str, secrets: &[String]) -> String {
    // Hidden letters first: one inside a secret must not keep it from being found.
    let mut text: String = text.chars().map(|letter| if letter.is_whitespace() { ' ' } else { letter }).collect();
    text.retain(|letter| !is_hidden(letter));
    for secret in secrets.iter().filter(|secret| secret.len() >= 4) {
        text = text.replace(secret.as_str(), "***");
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    let mut short: String = line.chars().take(SHOWN_MAX).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    short
}

#[cfg(all(test, feature = "registry"))]
mod tests {
    use super::*;

    #[test]
    fn words_are_one_short_line_without_secrets() {
        assert_eq!(tame("a\r\n\tb \u{1b}[31mc\u{202e}d", &[]), "a b [31mcd");
        assert_eq!(tame("the token hunter2 is wrong", &["hunter2".to_owned()]), "the token *** is wrong");
        assert_eq!(tame("hun\u{200b}ter2", &["hunter2".to_owned()]), "***");
        assert_eq!(tame(&"x".repeat(1000), &[]).chars().count(), 301);
        assert_eq!(tame("", &[]), "");
    }
}
