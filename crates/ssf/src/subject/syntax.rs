//! The syntax of each format's values and the form in which they are compared (ssf.md 2.1).

use std::net::IpAddr;

use url::Url;
use watchfire_model::signal::parse_ip;

/// Characters of `sub` of an `iss_sub` (ssf.md 2.1).
const MAX_SUB: usize = 255;
/// Bytes of an e-mail address: 64 of the local part, `@`, 255 of the domain.
const MAX_EMAIL: usize = 320;
/// Digits of an E.164 number.
const MAX_PHONE_DIGITS: usize = 15;

/// A value that can be stored and compared: not empty, no control characters. Members of an identifier
/// are divided by one of those ([`watchfire_model::entity::Identifier`]).
pub(crate) fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}

/// The address with its domain in small letters, if it is one.
pub(super) fn email(text: &str) -> Option<String> {
    let (local, domain) = text.rsplit_once('@')?;
    let is_one = !local.is_empty() && !domain.is_empty() && text.len() <= MAX_EMAIL && !has_space(text);
    is_one.then(|| format!("{local}@{}", domain.to_ascii_lowercase()))
}

/// RFC 7565: `acct:` local `@` host.
pub(super) fn is_account(uri: &str) -> bool {
    let parts = uri.strip_prefix("acct:").and_then(|rest| rest.rsplit_once('@'));
    parts.is_some_and(|(local, host)| !local.is_empty() && !host.is_empty()) && !has_space(uri)
}

/// An absolute URI, as it stands: nothing that a parser would have to mend.
pub(crate) fn is_absolute_uri(text: &str) -> bool {
    !has_space(text) && Url::parse(text).is_ok()
}

/// `did:` method `:` identifier, with a path, query or fragment if need be.
pub(super) fn is_did(url: &str) -> bool {
    let parts = url.strip_prefix("did:").and_then(|rest| rest.split_once(':'));
    parts.is_some_and(|(method, id)| !method.is_empty() && !id.is_empty()) && !has_space(url)
}

/// Whether it is short enough for `sub`.
pub(crate) fn is_sub(text: &str) -> bool {
    text.chars().count() <= MAX_SUB
}

/// E.164 with its plus; separators are taken out.
pub(super) fn phone_number(text: &str) -> Option<String> {
    let stripped: String = text.chars().filter(|it| !matches!(it, ' ' | '-' | '(' | ')')).collect();
    let digits = stripped.strip_prefix('+')?;
    let is_one = (1..=MAX_PHONE_DIGITS).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_digit());
    is_one.then_some(stripped)
}

/// The addresses as a set: in order, each once (AMB-41).
pub(super) fn addresses<'a>(texts: impl IntoIterator<Item = &'a str>) -> Option<Vec<IpAddr>> {
    let mut addresses: Vec<IpAddr> = texts.into_iter().map(parse_ip).collect::<Option<_>>()?;
    addresses.sort_unstable();
    addresses.dedup();
    Some(addresses)
}

fn has_space(text: &str) -> bool {
    text.chars().any(|it| it.is_whitespace() || it.is_control())
}
