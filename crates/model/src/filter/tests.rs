use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::log::SYSTEM_LOG;

fn parse(text: &str) -> Result<Filter, FilterError> {
    Filter::parse(text, &SYSTEM_LOG)
}

fn event() -> Value {
    json!({
        "eventType": "user.session.start",
        "actor": { "id": "00u1", "displayName": "Jo Lin" },
        "outcome": { "result": "FAILURE", "reason": null },
        "client": { "ipAddress": "203.0.113.7", "geographicalContext": { "geolocation": { "lat": 45.76, "lon": 4.83 } } },
        "securityContext": { "isProxy": false, "asNumber": 64500, "risk": { "reasons": ["New Device", "New IP"] } },
        "target": [
            { "id": "00u9", "type": "User", "detailEntry": { "n": 2 } },
            { "id": "0oa9", "type": "AppInstance" },
        ],
        "request": { "ipChain": [{ "ip": "203.0.113.7" }, { "ip": "10.0.0.1" }] },
        "debugContext": { "debugData": { "url": "/api/v1/authn?", "riskSignalSize": "2" } },
    })
}

#[test]
fn tests_hold_as_the_contract_says() {
    for (filter, want) in [
        (r#"eventType eq "user.session.start""#, true),
        (r#"eventType eq "USER.session.start""#, false),
        (r#"eventType EQ "user.session.start" AND outcome.result eq "FAILURE""#, true),
        (r#"eventType sw "USER.""#, true),
        (r#"eventType ew ".Start" and actor.displayName co "lin""#, true),
        (r#"actor.id ne "00u1""#, false),
        (r#"target.id eq "00u9" and target.id eq "0oa9""#, true),
        (r#"target.id ne "00u9""#, true),
        (r#"target.type eq "Policy""#, false),
        (r#"target.detailEntry.n ge 2"#, true),
        (r#"request.ipChain.ip eq "10.0.0.1""#, true),
        (r#"securityContext.risk.reasons eq "New IP""#, true),
        (r#"debugContext.debugData.riskSignalSize eq "2""#, true),
        (r#"debugContext.debugData.riskSignalSize eq 2"#, false),
        (r#"debugContext.debugData.riskSignalSize ne 2"#, true),
        (r#"debugContext.debugData.other pr"#, false),
        (r#"outcome.reason pr"#, false),
        (r#"outcome.reason eq "x""#, false),
        (r#"outcome.reason ne "x""#, true),
        (r#"not (outcome.reason eq "x")"#, true),
        (r#"outcome.reason eq null and outcome.result ne null"#, true),
        (r#"securityContext.isProxy eq false"#, true),
        (r#"securityContext.isProxy lt true"#, false),
        (
            r#"securityContext.asNumber gt 64499.5 and securityContext.asNumber le 64500"#,
            true,
        ),
        (r#"client.geographicalContext.geolocation.lat lt 45.77"#, true),
        (r#"eventType gt "user.session.end" and eventType lt "user.session.t""#, true),
        // `and` binds before `or`.
        (r#"uuid pr and uuid pr or eventType pr"#, true),
        (r#"uuid pr and (uuid pr or eventType pr)"#, false),
        (r#"target.id eq "\u00300u9""#, true),
    ] {
        assert_eq!(parse(filter).map(|it| it.matches(&event())), Ok(want), "{filter}");
    }
}

#[test]
fn dates_compare_as_instants_and_users_have_their_own_operators() {
    const USERS: Dialect = Dialect {
        fields: &[
            Field::plain("status").refusing(&[Comparison::Sw]),
            Field::date_time("lastUpdated"),
            Field::open("profile"),
        ],
        comparisons: &[Comparison::Eq, Comparison::Sw, Comparison::Gt],
    };
    let user = json!({ "status": "ACTIVE", "lastUpdated": "2026-06-01T08:00:00.000Z", "profile": { "login": "jo" } });
    let matches = |text| Filter::parse(text, &USERS).map(|it| it.matches(&user));
    assert_eq!(matches(r#"lastUpdated eq "2026-06-01T08:00:00Z""#), Ok(true));
    assert_eq!(
        matches(r#"lastUpdated gt "2026-06-01T09:59:59+02:00" and profile.login eq "jo""#),
        Ok(true)
    );
    let refused = |text| matches(text).unwrap_err().to_string();
    assert!(refused(r#"profile.login co "j""#).contains("Unrecognized attribute operator 'co' at position 14"));
    assert!(refused(r#"status sw "A""#).ends_with("Operator: sw, Field: status"));
    assert!(refused(r#"lastUpdated gt "yesterday""#).ends_with("Operator: gt, Field: lastUpdated"));
    assert_eq!(refused(r#"profile.a.b eq "x""#), "field is not valid: profile.a.b");
}

#[test]
fn refusals_have_oktas_words() {
    let eqq = r#"display_message eqq "Create okta user""#;
    for (filter, code, want) in [
        (
            eqq,
            "E0000053",
            r#"Invalid filter 'display_message eqq "Create okta user"': Unrecognized attribute operator 'eqq' at position 16. Expected: eq,co,sw,pr,gt,ge,lt,le"#,
        ),
        (
            r#"published gt "2026-01-01T00:00:00Z""#,
            "E0000053",
            "field is not valid: published",
        ),
        (
            "target.changeDetails.from pr",
            "E0000053",
            "field is not valid: target.changeDetails.from",
        ),
        (r#"EventType eq "x""#, "E0000053", "field is not valid: EventType"),
        (
            r#"debugContext.debugData.a'b pr"#,
            "E0000053",
            "field is not valid: debugContext.debugData.a'b",
        ),
        (
            r#"debugContext.debugData.url co "authn""#,
            "E0000031",
            "The supplied combination of operator and field is not currently supported. Operator: co, Field: debugContext.debugData.url",
        ),
        (
            r#"debugContext.debugData.requestUri co "authn""#,
            "E0000031",
            "The supplied combination of operator and field is not currently supported. Operator: co, Field: debugContext.debugData.requestUri",
        ),
    ] {
        let error = parse(filter).unwrap_err();
        assert_eq!((error.code(), error.to_string().as_str()), (code, want));
    }
}

#[test]
fn syntax_errors_name_the_position() {
    for (filter, want) in [
        ("", "Unexpected end of filter at position 0. Expected: attribute"),
        (
            "uuid",
            "Unexpected end of filter at position 4. Expected: eq,co,sw,pr,gt,ge,lt,le",
        ),
        ("uuid eq", "Unexpected end of filter at position 7. Expected: value"),
        ("uuid eq abc", "Unexpected 'abc' at position 8. Expected: value"),
        ("uuid eq 1e999", "Unexpected '1e999' at position 8. Expected: value"),
        ("uuid gt null", "Unexpected 'null' at position 8. Expected: value"),
        ("uuid eq \"a", "Unterminated string at position 8"),
        (r#"uuid eq "\q""#, r#"Unexpected '"\q"' at position 8. Expected: value"#),
        ("uuid pr uuid pr", "Unexpected 'uuid' at position 8. Expected: and, or"),
        ("uuid pr and", "Unexpected end of filter at position 11. Expected: attribute"),
        ("(uuid pr", "Unexpected end of filter at position 8. Expected: )"),
        ("uuid pr)", "Unexpected ')' at position 7. Expected: and, or"),
        (
            "not uuid pr",
            "Unrecognized attribute operator 'uuid' at position 4. Expected: eq,co,sw,pr,gt,ge,lt,le",
        ),
        ("target[id pr]", "Unsupported complex value filter '[' at position 6"),
        // Characters count, not bytes.
        (
            "éé eqq 1",
            "Unrecognized attribute operator 'eqq' at position 3. Expected: eq,co,sw,pr,gt,ge,lt,le",
        ),
    ] {
        assert_eq!(
            parse(filter),
            Err(FilterError::Syntax {
                filter: filter.to_owned(),
                reason: want.to_owned()
            })
        );
    }
}

#[test]
fn length_and_depth_are_bounded() {
    let nested = |depth: usize| format!("{}uuid pr{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&nested(MAX_FILTER_DEPTH)).is_ok());
    let error = parse(&nested(MAX_FILTER_DEPTH + 1)).unwrap_err().to_string();
    assert!(error.ends_with("Parentheses nested too deep at position 32"), "{error}");
    assert_eq!(parse(&"x".repeat(MAX_FILTER_BYTES + 1)), Err(FilterError::TooLong));
}

fn atom() -> impl Strategy<Value = Expr> {
    let literal = prop_oneof![
        any::<String>().prop_map(Literal::Text),
        any::<i64>().prop_map(|n| Literal::Number(n.into())),
        any::<bool>().prop_map(Literal::Boolean),
    ];
    let compare = (proptest::sample::select(Comparison::ALL), literal).prop_map(|(op, literal)| Test::Compare(op, literal));
    let null = Just(Test::Compare(Comparison::Ne, Literal::Null));
    let test = prop_oneof![Just(Test::Present), compare, null];
    let path = proptest::sample::select(vec!["uuid", "target.id", "debugContext.debugData.risk"]);
    (path, test).prop_map(|(path, test)| {
        Expr::Atom(Atom {
            path: path.to_owned(),
            kind: FieldKind::Plain,
            test,
        })
    })
}

fn expr() -> impl Strategy<Value = Expr> {
    atom().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Expr::Or),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Expr::And),
            inner.prop_map(|it| Expr::Not(Box::new(it))),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_answered(text in ".{0,80}") {
        let _ = parse(&text);
    }

    #[test]
    fn any_row_of_tokens_is_answered(
        tokens in proptest::collection::vec(
            proptest::sample::select(vec!["uuid", "eq", "pr", "and", "or", "not", "(", ")", "\"a\"", "\"", "1", "null", "[", "é"]),
            0..24,
        )
    ) {
        if let Ok(filter) = parse(&tokens.join(" ")) {
            prop_assert_eq!(parse(&filter.to_string()), Ok(filter));
        }
    }

    #[test]
    fn what_is_printed_reads_back(expr in expr()) {
        let text = expr.to_string();
        prop_assume!(text.len() <= MAX_FILTER_BYTES);
        prop_assert_eq!(parse(&text).map(|it| it.expr), Ok(expr), "{}", text);
    }
}
