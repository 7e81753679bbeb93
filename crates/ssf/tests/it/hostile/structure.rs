//! The body, the three segments, and the members of the header that change what a token means.

use serde_json::{Value, json};
use watchfire_model::object::DialectName;
use watchfire_ssf::ErrorCode::InvalidRequest;

use super::{Base, Case, STANDARD};

pub(super) fn cases() -> Vec<Case> {
    [bodies(), headers(), types()].into_iter().flatten().collect()
}

fn body(name: &str, rule: &'static str, transport: impl Fn(String) -> Vec<u8> + Clone + 'static) -> Case {
    Case::new(name, rule, (STANDARD, InvalidRequest), move |it| {
        it.transport = Box::new(transport.clone())
    })
    .saying("Could not parse security event token")
}

fn text(name: &str, rule: &'static str, transport: impl Fn(&str) -> String + Clone + 'static) -> Case {
    body(name, rule, move |token| transport(&token).into_bytes())
}

/// The three segments.
fn split(token: &str) -> (&str, &str, &str) {
    let mut segments = token.split('.');
    (segments.next().unwrap(), segments.next().unwrap(), segments.next().unwrap())
}

fn segments(name: &str, rule: &'static str, join: fn(&str, &str, &str) -> String) -> Case {
    text(name, rule, move |token| {
        let (header, payload, signature) = split(token);
        join(header, payload, signature)
    })
}

fn bodies() -> Vec<Case> {
    vec![
        body("nothing", "okta.md 6.5", |_| vec![]),
        body("white space", "okta.md 6.5", |_| b" \r\n\t".to_vec()),
        text("prose", "SET-10", |_| "not a token".to_owned()),
        text("two dots", "SET-10", |_| "..".to_owned()),
        segments("one segment", "SET-10", |header, _, _| header.to_owned()),
        segments("two segments", "SET-10", |header, payload, _| format!("{header}.{payload}")),
        segments("no header", "SET-10", |_, payload, signature| {
            format!(".{payload}.{signature}")
        }),
        segments("no payload", "SET-10", |header, _, signature| {
            format!("{header}..{signature}")
        }),
        segments("a dot at the end", "SET-10", |h, p, s| format!("{h}.{p}.{s}.")),
        segments("a dot at the start", "SET-10", |h, p, s| format!(".{h}.{p}.{s}")),
        segments("four segments", "SET-10", |h, p, s| format!("{h}.{p}.{s}.AAAA")),
        segments("five segments", "SET-08", |h, p, s| format!("{h}.{p}.{s}.AAAA.AAAA")),
        segments("six segments", "SET-10", |h, p, s| format!("{h}.{p}.{s}.AAAA.AAAA.AAAA")),
        segments("payload before header", "SET-10", |h, p, s| format!("{p}.{h}.{s}")),
        segments("the flattened JSON form", "SET-10", |h, p, s| {
            json!({"protected": h, "payload": p, "signature": s}).to_string()
        }),
        segments("the general JSON form", "SET-10", |h, p, s| {
            json!({"payload": p, "signatures": [{"protected": h, "signature": s}]}).to_string()
        }),
        text("a list of one token", "clients.md 9", |it| format!("[\"{it}\"]")),
        text("an object with the token", "clients.md 9", |it| {
            format!("{{\"token\":\"{it}\"}}")
        }),
        text("a form with the token", "clients.md 9", |it| format!("token={it}")),
        text("the word Bearer before it", "clients.md 9", |it| format!("Bearer {it}")),
        text("JSON null", "clients.md 9", |_| "null".to_owned()),
        text("an open quote", "clients.md 9", |it| format!("\"{it}")),
        text("a closing quote only", "clients.md 9", |it| format!("{it}\"")),
        text("quoted twice", "clients.md 9", |it| format!("\"\\\"{it}\\\"\"")),
        text("in single quotes", "clients.md 9", |it| format!("'{it}'")),
        text("two quoted tokens", "JWT-10", |it| format!("\"{it}\"\"{it}\"")),
        text("a newline inside the quotes", "SET-10", |it| format!("\"{it}\\n\"")),
        text("a space inside the quotes", "SET-10", |it| format!("\" {it}\"")),
        text("two tokens", "SET-10", |it| format!("{it}\n{it}")),
        text("folded into lines", "SET-10", |it| {
            it.as_bytes()
                .chunks(64)
                .map(|line| std::str::from_utf8(line).unwrap())
                .collect::<Vec<_>>()
                .join("\n")
        }),
        text("a space after the first dot", "SET-10", |it| it.replacen('.', ". ", 1)),
        text("a NUL at the end", "SET-10", |it| format!("{it}\0")),
        text("a no-break space at the end", "SET-10", |it| format!("{it}\u{a0}")),
        text("a zero-width space in it", "SET-10", |it| it.replacen('.', "\u{200b}.", 1)),
        text("one-dot leaders for dots", "SET-10", |it| it.replace('.', "\u{2024}")),
        text("percent-encoded dots", "SET-10", |it| it.replace('.', "%2E")),
        text("in small letters", "SET-10", str::to_lowercase),
        text("in fullwidth letters", "SET-10", |it| it.replacen('e', "\u{ff45}", 1)),
        body("a byte order mark before it", "JWT-10", |it| {
            [b"\xef\xbb\xbf", it.as_bytes()].concat()
        }),
        body("in UTF-16", "JWT-10", |it| {
            it.encode_utf16().flat_map(u16::to_le_bytes).collect()
        }),
        body("bytes that are no text", "JWT-10", |it| [it.as_bytes(), b"\xff"].concat()),
        body("more than 64 KiB of white space", "JWT-08", |it| {
            [it.as_bytes(), &[b' '; 65_536]].concat()
        }),
    ]
}

fn member(name: String, rule: &'static str, member: &'static str, value: Value) -> Case {
    Case::new(name, rule, (STANDARD, InvalidRequest), move |it| {
        it.edit_header(|header| {
            header.insert(member.to_owned(), value.clone());
        });
    })
    .saying("Could not parse security event token")
}

fn headers() -> Vec<Case> {
    let listed = [
        ("crit", "SET-07", json!([])),
        ("crit", "SET-07", json!(["b64"])),
        ("crit", "SET-07", json!(["exp"])),
        ("crit", "SET-07", json!(["typ"])),
        ("crit", "SET-07", json!("typ")),
        ("crit", "SET-07", json!(null)),
        ("b64", "SET-08", json!(false)),
        ("b64", "SET-08", json!(true)),
        ("zip", "SET-08", json!("DEF")),
        ("enc", "SET-08", json!("A128GCM")),
        ("cty", "JWT-17", json!("JWT")),
        ("cty", "JWT-17", json!("jwt")),
        ("cty", "JWT-17", json!("application/jwt")),
        ("cty", "JWT-17", json!(["JWT"])),
    ];
    let mut cases: Vec<_> = listed
        .map(|(name, rule, value)| member(format!("header {name}: {value}"), rule, name, value))
        .into();
    cases.push(Case::new(
        "crit names a member that is there",
        "SET-07",
        (STANDARD, InvalidRequest),
        |it| {
            it.header = br#"{"alg":"RS256","kid":"rsa-1","typ":"secevent+jwt","crit":["x-policy"],"x-policy":"any"}"#.to_vec();
        },
    ));
    cases
}

fn types() -> Vec<Case> {
    let others = [
        json!("at+jwt"),
        json!("dpop+jwt"),
        json!("logout+jwt"),
        json!("secevent"),
        json!("secevent+jwt "),
        json!("secevent+jwt; charset=utf-8"),
        json!("text/secevent+jwt"),
        json!("secevent+cwt"),
        json!(""),
        json!(["secevent+jwt"]),
        json!(1),
        json!({}),
    ];
    let mut cases: Vec<_> = others.map(|typ| member(format!("typ {typ}"), "SET-02", "typ", typ)).into();
    for dialect in [DialectName::Standard, DialectName::Okta, DialectName::Interop] {
        let base = (Base::Rs256(dialect), InvalidRequest);
        cases.push(Case::new(format!("no typ ({})", dialect.as_str()), "SET-02", base, |it| {
            it.edit_header(|header| {
                header.remove("typ");
            });
        }));
        cases.push(Case::new(format!("typ JWT ({})", dialect.as_str()), "AMB-19", base, |it| {
            it.edit_header(|header| header["typ"] = json!("JWT"));
        }));
    }
    cases.push(Case::new(
        "typ at+jwt where typ need not be there",
        "SET-27",
        (Base::Rs256(DialectName::Authentik), InvalidRequest),
        |it| it.edit_header(|header| header["typ"] = json!("at+jwt")),
    ));
    cases
}
