//! The forms in which senders put a token into a request (clients.md 9).

use std::borrow::Cow;

/// The compact token: as it is, or as a JSON string in quotes; white space around either.
pub(super) fn token(body: &[u8]) -> Option<Cow<'_, str>> {
    let body = body.trim_ascii();
    if body.starts_with(b"\"") {
        return serde_json::from_slice::<String>(body).ok().map(Cow::Owned);
    }
    std::str::from_utf8(body).ok().map(Cow::Borrowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_forms_that_arrive() {
        for body in [
            "a.b.c",
            "a.b.c\n",
            "\r\n\ta.b.c  ",
            "\"a.b.c\"",
            " \"a.b.c\"\n",
            "\"a\\u002eb.c\"",
        ] {
            assert_eq!(token(body.as_bytes()).as_deref(), Some("a.b.c"), "{body:?}");
        }
    }

    #[test]
    fn refuses_broken_quotes_and_broken_text() {
        let bodies: [&[u8]; 5] = [b"\"a.b.c", b"\"a.b.c\" \"d\"", b"\"a\\qb\"", b"\"", b"a.b.\xff"];
        for body in bodies {
            assert_eq!(token(body), None, "{body:?}");
        }
    }
}
