use proptest::prelude::*;
use serde_json::json;

use super::*;

const SMALL: Limits = Limits {
    max_bytes: 200,
    max_depth: 3,
    max_members: 3,
    max_items: 3,
    max_string_bytes: 8,
};

#[test]
fn reads_ordinary_documents() {
    for (text, want) in [
        (
            r#"{"a":[1,-2,0.5,true,null],"b":{}}"#,
            json!({"a":[1,-2,0.5,true,null],"b":{}}),
        ),
        (" [] \n", json!([])),
        (r#""\u00e9""#, json!("é")),
        ("1e2", json!(100.0)),
        ("18446744073709551615", json!(u64::MAX)),
    ] {
        assert_eq!(parse(text.as_bytes(), &Limits::BODY), Ok(want), "{text}");
    }
}

#[test]
fn keeps_the_order_of_members() {
    let value = parse(br#"{"z":1,"a":2}"#, &Limits::BODY).unwrap();
    assert_eq!(value.to_string(), r#"{"z":1,"a":2}"#);
}

/// JWT-08, JWT-09, JWT-10.
#[test]
fn refuses_with_the_reason() {
    let cases: &[(&[u8], StrictJsonError)] = &[
        (br#"{"a":1,"a":1}"#, StrictJsonError::DuplicateMember("a".into())),
        (br#"{"a":1,"\u0061":2}"#, StrictJsonError::DuplicateMember("a".into())),
        (br#"[{"x":{"b":1,"b":2}}]"#, StrictJsonError::DuplicateMember("b".into())),
        (b"\xef\xbb\xbf{}", StrictJsonError::ByteOrderMark),
        (b"{} {}", StrictJsonError::TrailingData),
        (b"{}x", StrictJsonError::TrailingData),
        (b"[[[[]]]]", StrictJsonError::TooDeep(3)),
        (br#"{"a":{"b":{"c":{}}}}"#, StrictJsonError::TooDeep(3)),
        (b"[1,2,3,4]", StrictJsonError::TooManyItems(3)),
        (br#"{"a":1,"b":2,"c":3,"d":4}"#, StrictJsonError::TooManyMembers(3)),
        (br#""123456789""#, StrictJsonError::StringTooLong(8)),
        (br#"{"123456789":1}"#, StrictJsonError::StringTooLong(8)),
        (&[b' '; 201], StrictJsonError::TooLong(200)),
    ];
    for (bytes, want) in cases {
        assert_eq!(parse(bytes, &SMALL).as_ref(), Err(want), "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn takes_what_just_fits() {
    for text in ["[[[1]]]", "[1,2,3]", r#"{"a":1,"b":2,"c":3}"#, r#""12345678""#] {
        assert!(parse(text.as_bytes(), &SMALL).is_ok(), "{text}");
    }
}

/// JWT-10.
#[test]
fn refuses_what_is_no_json() {
    let cases: &[&[u8]] = &[
        b"",
        b"{",
        b"{a:1}",
        b"{'a':1}",
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e999",
        b"01",
        b"+1",
        b"[1,]",
        b"nul",
        b"\"\xff\"",
        br#""\ud800""#,
        b"\"\x01\"",
        b"// c\n{}",
        b"\xfe\xff",
    ];
    for bytes in cases {
        let error = parse(bytes, &Limits::BODY).unwrap_err();
        assert!(matches!(error, StrictJsonError::Syntax { .. }), "{bytes:?}: {error:?}");
    }
}

#[test]
fn tells_where_the_fault_is() {
    assert_eq!(
        parse(b"{\n  \"a\": x}", &Limits::BODY),
        Err(StrictJsonError::Syntax { line: 2, column: 8 })
    );
}

#[test]
fn survives_nesting_beyond_the_stack() {
    let deep = vec![b'['; 100_000];
    assert_eq!(parse(&deep, &Limits::BODY), Err(StrictJsonError::TooDeep(32)));
}

#[test]
fn wants_an_object_where_one_is_asked_for() {
    assert_eq!(parse_object(b"[]", &Limits::BODY), Err(StrictJsonError::NotAnObject));
    assert_eq!(parse_object(b"{}", &Limits::BODY), Ok(Map::new()));
}

proptest! {
    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&bytes, &SMALL);
    }

    #[test]
    fn agrees_with_serde_on_what_it_takes(text in r#"[\[\]{}:,"a-c0-2 .e-]{0,40}"#) {
        if let Ok(value) = parse(text.as_bytes(), &Limits::BODY) {
            prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }
    }
}
