//! The words of an event that the full-text indexes hold, the same in both dialects.

use watchfire_model::log::LogEvent;

/// ASCII punctuation that is part of an indexed word. The quotes are not: a word with one is not indexed.
pub(crate) const PUNCTUATION: &str = "!#$%&()*+,-./:;<=>?@[]^_`{|}~";

/// Gives `write` the words of an event, and their parts between hyphens, each once.
pub(crate) fn of<T>(event: &LogEvent, write: impl FnOnce(&[&str]) -> T) -> T {
    let text = event.searchable();
    let words = text.split_whitespace();
    let mut indexed: Vec<&str> = words
        .flat_map(|word| std::iter::once(word).chain(word.split('-')))
        .filter(|word| is_indexed(word))
        .collect();
    indexed.sort_unstable();
    indexed.dedup();
    write(&indexed)
}

/// Whether every tokenizer takes the word as one token: its letters are known to every version of Unicode
/// that a database may have, and nothing in it separates.
pub(crate) fn is_indexed(word: &str) -> bool {
    !word.is_empty() && word.chars().all(is_of_a_word)
}

const fn is_of_a_word(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(c, '!' | '#'..='&' | '('..='/' | ':'..='@' | '[' | ']'..='`' | '{'..='~')
        || matches!(c, 'à'..='ö' | 'ø'..='ÿ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_punctuation_of_words_is_what_the_tokenizer_is_told() {
        for c in (0..=0x7f_u8).map(char::from).filter(|c| !c.is_ascii_alphanumeric()) {
            assert_eq!(is_of_a_word(c), PUNCTUATION.contains(c), "{c:?}");
        }
    }
}
