//! The words of an event that the full-text indexes hold, the same in both dialects.

use watchfire_model::log::LogEvent;

/// ASCII punctuation that is part of an indexed word. The quotes are not: a word with one is not indexed.
pub(crate) const PUNCTUATION: &str = "!#$%&()*+,-./:;<=>?@[]^_`{|}~";

/// Gives `write` the words of an event, and their parts between hyphens, each once.
pub(crate) fn of<T>(event: &LogEvent, write: impl FnOnce(&[&str]) -> T) -> T {
    let texts = event.searchable();
    let words = texts.iter().flat_map(|text| text.split_whitespace());
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
    let fits = |c: char| c.is_ascii_alphanumeric() || PUNCTUATION.contains(c) || matches!(c, 'à'..='ö' | 'ø'..='ÿ');
    !word.is_empty() && word.chars().all(fits)
}
