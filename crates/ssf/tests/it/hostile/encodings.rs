//! base64url, UTF-8, JSON, members that appear twice, sizes.

use watchfire_crypto::base64url;
use watchfire_ssf::ErrorCode::InvalidRequest;

use super::{Base, Case, STANDARD};
use watchfire_model::object::DialectName;

pub(super) fn cases() -> Vec<Case> {
    [alphabets(), documents(), duplicates(), sizes()]
        .into_iter()
        .flatten()
        .collect()
}

/// Changes one segment of a token that is signed otherwise as it stands.
fn segment(name: &str, rule: &'static str, at: usize, change: fn(&str) -> String) -> Case {
    Case::new(name, rule, (STANDARD, InvalidRequest), move |it| {
        it.transport = Box::new(move |token| {
            let mut segments: Vec<String> = token.split('.').map(str::to_owned).collect();
            segments[at] = change(&segments[at]);
            segments.join(".").into_bytes()
        });
    })
    .saying("Could not parse security event token")
}

/// A last character that says the same but for bits that no byte has.
fn with_stray_bits(segment: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = segment.bytes().last().unwrap();
    let value = ALPHABET.iter().position(|it| *it == last).unwrap();
    let stray = char::from(ALPHABET[value | 1]);
    format!("{}{stray}", &segment[..segment.len() - 1])
}

fn alphabets() -> Vec<Case> {
    vec![
        segment("the header is padded", "JWT-11", 0, |it| format!("{it}=")),
        segment("the payload is padded", "JWT-11", 1, |it| format!("{it}=")),
        segment("the signature is padded", "JWT-11", 2, |it| format!("{it}==")),
        segment("stray bits in the signature", "JWT-11", 2, with_stray_bits),
        segment("plain base64", "JWT-11", 2, |it| format!("+/{}", &it[2..])),
        segment("a character too many", "JWT-11", 1, |it| {
            let fill = (5 - it.len() % 4) % 4;
            format!("{it}{}", "A".repeat(fill))
        }),
        segment("a newline in the payload", "SET-10", 1, |it| {
            format!("{}\n{}", &it[..9], &it[9..])
        }),
        segment("a tab in the header", "SET-10", 0, |it| format!("{}\t{}", &it[..9], &it[9..])),
        segment("hexadecimal", "JWT-11", 0, |it| {
            base64url::decode(it)
                .unwrap()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect()
        }),
        segment("JSON in place of the header", "SET-10", 0, |it| {
            String::from_utf8(base64url::decode(it).unwrap()).unwrap()
        }),
        segment("JSON in place of the payload", "SET-10", 1, |it| {
            String::from_utf8(base64url::decode(it).unwrap()).unwrap()
        }),
    ]
}

fn header_bytes(name: &str, rule: &'static str, header: impl Into<Vec<u8>>) -> Case {
    let header = header.into();
    Case::new(name, rule, (STANDARD, InvalidRequest), move |it| {
        it.header.clone_from(&header)
    })
}

fn payload(name: &str, rule: &'static str, change: fn(&[u8]) -> Vec<u8>) -> Case {
    Case::new(name, rule, (STANDARD, InvalidRequest), move |it| {
        it.payload = change(&it.payload)
    })
    .saying("Could not parse security event token")
}

fn replaced(name: &str, rule: &'static str, from: &'static str, to: &'static str) -> Case {
    Case::new(name, rule, (STANDARD, InvalidRequest), move |it| it.replace(from, to))
        .saying("Could not parse security event token")
}

fn documents() -> Vec<Case> {
    const HEADER: &str = r#"{"alg":"RS256","kid":"rsa-1","typ":"secevent+jwt"}"#;
    vec![
        header_bytes("the header is a list", "JWT-10", format!("[{HEADER}]")),
        header_bytes("the header is a string", "JWT-10", "\"RS256\""),
        header_bytes("the header is null", "JWT-10", "null"),
        header_bytes("the header is cut", "JWT-10", &HEADER[..20]),
        header_bytes("data after the header", "JWT-10", format!("{HEADER}{{}}")),
        header_bytes("a byte order mark before the header", "JWT-10", format!("\u{feff}{HEADER}")),
        header_bytes("a comma at the header's end", "JWT-10", HEADER.replace('}', ",}")),
        header_bytes("a comment in the header", "JWT-10", HEADER.replace('}', "/**/}")),
        header_bytes("single quotes in the header", "JWT-10", HEADER.replace('"', "'")),
        header_bytes(
            "the header is no UTF-8",
            "JWT-10",
            [HEADER.replace("}", ",\"x\":\"").as_bytes(), b"\xff\"}"].concat(),
        ),
        header_bytes(
            "half a pair of surrogates in the header",
            "JWT-10",
            HEADER.replace("rsa-1", "\\ud800"),
        ),
        payload("the payload is empty white space", "JWT-10", |_| b" ".to_vec()),
        payload("the payload is a list", "okta.md 6.5", |it| [b"[", it, b"]"].concat()),
        payload("the payload is a string", "okta.md 6.5", |_| b"\"iss\"".to_vec()),
        payload("the payload is a number", "okta.md 6.5", |_| b"1".to_vec()),
        payload("the payload is null", "okta.md 6.5", |_| b"null".to_vec()),
        payload("the payload is a token", "JWT-17", |_| b"eyJhbGciOiJub25lIn0.e30.".to_vec()),
        payload("the payload is cut", "JWT-10", |it| it[..it.len() - 1].to_vec()),
        payload("data after the payload", "JWT-10", |it| [it, b"{}"].concat()),
        payload("a NUL after the payload", "JWT-10", |it| [it, b"\0"].concat()),
        payload("a byte order mark before the payload", "JWT-10", |it| {
            [b"\xef\xbb\xbf", it].concat()
        }),
        payload("the payload is UTF-16", "JWT-10", |it| {
            it.iter().flat_map(|byte| [*byte, 0]).collect()
        }),
        payload("the payload is compressed", "SET-08", |it| [b"\x1f\x8b\x08", it].concat()),
        replaced("NaN", "JWT-10", "1787927295", "NaN"),
        replaced("Infinity", "JWT-10", "1787927295", "Infinity"),
        replaced("a number that no double holds", "JWT-10", "1787927295", "1e400"),
        replaced("a number with a zero before it", "JWT-10", "1787927295", "01787927295"),
        replaced("a number with a plus", "JWT-10", "1787927295", "+1787927295"),
        replaced("a hexadecimal number", "JWT-10", "1787927295", "0x6A91"),
        replaced("a comma at the end", "JWT-10", "\"txn\":\"txn-1\",", "\"txn\":\"txn-1\",,"),
        replaced("a control character in a string", "JWT-10", "txn-1", "txn\n1"),
        replaced("half a pair of surrogates", "JWT-10", "txn-1", "\\udc00"),
        replaced("an unknown escape", "JWT-10", "txn-1", "\\x41"),
        payload("an overlong encoding", "JWT-10", |it| swap(it, b"txn-1", b"tx\xc0\xae1")),
        payload("a surrogate in UTF-8", "JWT-10", |it| swap(it, b"txn-1", b"\xed\xa0\x80xx")),
        payload("a byte that is never in UTF-8", "JWT-10", |it| {
            swap(it, b"txn-1", b"txn-\xfe")
        }),
    ]
}

fn swap(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|it| it == from).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

/// JWT-09: two parsers would read two different tokens.
fn duplicates() -> Vec<Case> {
    let header = |name: &str, more: &str| {
        header_bytes(
            &format!("header {name} twice"),
            "JWT-09",
            format!(r#"{{"alg":"RS256","kid":"rsa-1","typ":"secevent+jwt",{more}}}"#),
        )
    };
    let twice = |name: &str, from: &'static str, to: &'static str| replaced(&format!("{name} twice"), "JWT-09", from, to);
    vec![
        header("alg", r#""alg":"none""#),
        header("the same alg", r#""alg":"RS256""#),
        header("kid", r#""kid":"ec-1""#),
        header("typ", r#""typ":"JWT""#),
        header("alg, written otherwise,", r#""\u0061lg":"none""#),
        twice("iss", "{\"iss\"", "{\"iss\":\"https://other.example\",\"iss\""),
        twice("the same jti", "\"jti\":\"jti-1\"", "\"jti\":\"jti-1\",\"jti\":\"jti-1\""),
        twice("aud", "\"aud\"", "\"aud\":\"https://other.example\",\"aud\""),
        twice("iat", "\"iat\"", "\"iat\":1,\"iat\""),
        twice("events", "\"events\"", "\"events\":{},\"events\""),
        twice(
            "sub_id",
            "\"sub_id\"",
            "\"sub_id\":{\"format\":\"opaque\",\"id\":\"7\"},\"sub_id\"",
        ),
        twice(
            "email",
            "\"email\":\"jo.lin",
            "\"email\":\"ceo@example.com\",\"email\":\"jo.lin",
        ),
        twice("format", "\"format\":\"email\"", "\"format\":\"email\",\"format\":\"opaque\""),
        twice(
            "event_timestamp",
            "\"event_timestamp\"",
            "\"event_timestamp\":1,\"event_timestamp\"",
        ),
        twice("a language", "{\"en\":", "{\"en\":\"x\",\"en\":"),
        twice(
            "iss, written otherwise,",
            "\"jti\"",
            "\"is\\u0073\":\"https://other.example\",\"jti\"",
        ),
        twice("a claim that nobody knows", "\"jti\"", "\"x\":1,\"x\":2,\"jti\""),
        twice(
            "a member deep in one that nobody knows",
            "\"jti\"",
            "\"x\":[{\"y\":{\"z\":1,\"z\":1}}],\"jti\"",
        ),
        twice(
            "the event",
            "\"events\":{",
            "\"events\":{\"https://schemas.openid.net/secevent/caep/event-type/session-revoked\":{},",
        ),
    ]
}

fn sizes() -> Vec<Case> {
    let claim = |name: &str, rule, value: fn() -> String| {
        Case::new(name, rule, (STANDARD, InvalidRequest), move |it| {
            it.replace("\"txn\":\"txn-1\"", &format!("\"x\":{}", value()));
        })
    };
    let mut cases = vec![
        claim("a string of 16 KiB and one", "JWT-08", || {
            format!("\"{}\"", "s".repeat(16 * 1024 + 1))
        }),
        claim("a name of 16 KiB and one", "JWT-08", || {
            format!("{{\"{}\":1}}", "n".repeat(16 * 1024 + 1))
        }),
        claim("nested 17 deep", "JWT-08", || format!("{}{}", "[".repeat(17), "]".repeat(17))),
        claim("nested 10 000 deep", "JWT-08", || {
            format!("{}{}", "[".repeat(10_000), "]".repeat(10_000))
        }),
        claim("objects 17 deep", "JWT-08", || {
            format!("{}1{}", "{\"a\":".repeat(17), "}".repeat(17))
        }),
        claim("an array of 1025 items", "JWT-08", || format!("[{}1]", "1,".repeat(1024))),
        claim("257 members", "JWT-08", || {
            let members: Vec<_> = (0..257).map(|i| format!("\"{i}\":1")).collect();
            format!("{{{}}}", members.join(","))
        }),
        claim("64 KiB of payload", "JWT-08", || {
            let strings = vec![format!("\"{}\"", "s".repeat(16_000)); 5];
            format!("[{}]", strings.join(","))
        }),
    ];
    cases.push(header_bytes(
        "a header of more than 4 KiB",
        "JWT-08",
        format!(
            r#"{{"alg":"RS256","kid":"rsa-1","typ":"secevent+jwt","x":"{}"}}"#,
            "x".repeat(4096)
        ),
    ));
    cases.push(header_bytes(
        "a header nested 17 deep",
        "JWT-08",
        format!(
            r#"{{"alg":"RS256","kid":"rsa-1","typ":"secevent+jwt","x":{}{}}}"#,
            "[".repeat(17),
            "]".repeat(17)
        ),
    ));
    let okta = (Base::Rs256(DialectName::Okta), InvalidRequest);
    cases.push(Case::new("257 events", "JWT-08", okta, |it| {
        it.edit_claims(|claims| {
            let events = (0..257).map(|i| (format!("https://x.example/{i}"), serde_json::json!({})));
            claims.insert("events".to_owned(), serde_json::Value::Object(events.collect()));
        });
    }));
    cases
}
