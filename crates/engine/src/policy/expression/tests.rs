use proptest::prelude::*;

use super::*;

const MAX: u32 = u32::MAX;

fn facts() -> Facts<'static> {
    Facts {
        level: "HIGH",
        score: 80,
        behaviors: vec!["New IP", "Velocity"],
        user: "00u1",
        groups: vec!["00g1", "00g2"],
        device_known: false,
        ip: "203.0.113.7".to_owned(),
        country: "NO",
        region: "NO-03",
        asn: 2_119,
        application: "payroll",
    }
}

#[test]
fn expressions_look_at_the_sign_in() {
    for (source, want) in [
        ("security.risk.level == 'HIGH'", true),
        ("security.risk.score >= 40 && security.risk.score < 80", false),
        ("'New IP' in security.behaviors", true),
        ("security.behaviors.exists(b, b.startsWith('Velo'))", true),
        ("user.groups.all(g, g in ['00g1', '00g2'])", true),
        ("user.groups.filter(g, g != '00g1').size() == 1", true),
        ("user.id == '00u1' && !device.known", true),
        ("request.ip.startsWith('10.') || request.asn == 2119", true),
        ("request.country in ['SE', 'DK']", false),
        ("request.region == 'NO-03' ? app == 'payroll' : false", true),
        ("has(request.ip)", true),
        ("true", true),
    ] {
        let expression = Expression::compile(source).unwrap();
        assert_eq!(expression.evaluate(&facts()), Ok(want), "{source}");
        assert_eq!(answer(source, &facts(), &mut Steps::new(MAX)), Ok(want), "{source}");
    }
}

#[test]
fn behaviours_are_what_their_names_are_compared_with() {
    let table: [(&str, &[&str]); 22] = [
        ("'New IP' in security.behaviors", &["New IP"]),
        ("!('New IP' in security['behaviors'])", &["New IP"]),
        ("security.behaviors == ['New IP', 'Velocity']", &["New IP", "Velocity"]),
        ("security.behaviors[0] == 'New IP'", &["New IP"]),
        (
            "security.behaviors.exists(b, b == 'New IP' || 'Velocity' != b)",
            &["New IP", "Velocity"],
        ),
        (
            "security.behaviors.all(b, b in ['New IP', 'Velocity'])",
            &["New IP", "Velocity"],
        ),
        ("security.behaviors.exists_one(b, b in {'New IP': true})", &["New IP"]),
        ("security.behaviors.filter(b, b == 'New IP').size() > 0", &["New IP"]),
        ("'New IP' in security.behaviors.filter(b, b.size() > 3)", &["New IP"]),
        ("'New IP' in security.behaviors.map(b, string(b))", &["New IP"]),
        (
            "['New IP', 'Velocity'].exists(n, n in security.behaviors)",
            &["New IP", "Velocity"],
        ),
        ("[security].exists(s, 'New IP' in s.behaviors)", &["New IP"]),
        (
            "('A' in user.groups ? 'New IP' : 'Velocity') in security.behaviors",
            &["New IP", "Velocity"],
        ),
        ("'New IP' in security.behaviors + ['Velocity']", &["New IP"]),
        ("security.risk.level == 'HIGH' && 'New IP' in security.behaviors", &["New IP"]),
        ("security.risk.level == 'HIGH'", &[]),
        ("'New IP' in user.groups || app == 'New IP'", &[]),
        ("security.behaviors.exists(b, b.startsWith('New'))", &[]),
        ("security.behaviors.exists(b, b.contains('IP'))", &[]),
        ("security.behaviors.size() > 2 && app == 'New IP'", &[]),
        ("security.behaviors.exists(b, b == 'New ' + 'IP')", &[]),
        ("user.groups.exists(b, b == 'New IP')", &[]),
    ];
    for (source, want) in table {
        let named = Expression::compile(source).unwrap().behaviors();
        assert_eq!(named.iter().map(String::as_str).collect::<Vec<_>>(), want, "{source}");
    }
}

#[test]
fn refuses_what_it_cannot_read_or_bound() {
    let long = format!("true || {}", "x".repeat(MAX_SOURCE));
    let many = format!("user.groups.exists(g, {})", ["g == 'a'"; 12].join(" || "));
    for (source, want) in [
        ("", "at line 1"),
        ("security.risk.level = 'HIGH'", "at line 1, column"),
        ("true &&\n  && false", "at line 2, column 3"),
        (long.as_str(), "longer than 2048 bytes"),
        ("security.risk.score", "The expression is int, not true or false"),
        ("score > 3", "There is no variable score"),
        ("security.risk.mood == 'x'", "No such key: mood"),
        ("security.risk.score > 'x'", "no matching overload"),
        ("request.ip.matches('(a+)+$')", "There is no function matches"),
        ("now() > 3", "There is no function now"),
        ("Point{x: 1} == 1", "There is no message type"),
        (
            "user.groups.exists(g, user.groups.exists(h, g == h))",
            "One loop cannot be within another",
        ),
        ("[1].exists(g, [1].exists(h, g == h))", "One loop cannot be within another"),
        (
            "user.groups.map(g, g).exists(g, g == 'x')",
            "A loop can go over user.groups, security.behaviors or a list that is written out",
        ),
        ("(user.groups + user.groups).exists(g, g == 'x')", "A loop can go over"),
        (many.as_str(), "too many steps"),
        (
            "user.groups.map(g, user.groups + user.groups + user.groups + user.groups).size() == 1",
            "too many steps",
        ),
    ] {
        let refused = Expression::compile(source).unwrap_err().to_string();
        assert!(refused.contains(want), "{source}: {refused}");
    }
}

/// Told from the shape, so that the same rules come as far on every machine and day.
#[test]
fn steps_are_taken_from_what_is_left_and_no_more_than_there_are() {
    let loops = "user.groups.exists(g, g == '00g1')";
    let cost = Expression::compile(loops).unwrap().steps();
    assert!((2_000..10_000).contains(&cost), "{cost}");
    let mut left = Steps::new(cost + 3);
    assert_eq!(answer(loops, &facts(), &mut left), Ok(true));
    assert_eq!(left, Steps::new(3));
    assert!(answer(loops, &facts(), &mut left).unwrap_err().contains("all steps"));
    assert_eq!(left, Steps::new(3), "what is not asked takes nothing");
    assert_eq!(answer("device.known", &facts(), &mut left), Ok(false));
}

/// What cannot be told is neither true nor false; the rule decides what that means.
#[test]
fn an_expression_may_fail() {
    let source = "1 / (security.risk.score - 80) == 1";
    assert!(Expression::compile(source).is_ok());
    assert!(answer(source, &facts(), &mut Steps::new(MAX)).is_err());
    let crowd = Facts {
        groups: vec!["00g1"; 501],
        ..facts()
    };
    assert!(answer("true", &crowd, &mut Steps::new(MAX)).is_err());
    assert!(answer("never accepted", &facts(), &mut Steps::new(MAX)).is_err());
}

/// Depth is what kills recursive evaluators: the smallest stack that a server's thread has must do.
#[test]
fn no_source_runs_out_of_the_stack() {
    let chains: [(&str, &str, &str); 14] = [
        ("", "1+", "1 == 1"),
        ("", "true&&", "true"),
        ("", "1<", "1"),
        ("app", ".b", ""),
        ("app", "[0]", ""),
        ("app", ".size()", ""),
        ("", "(", ""),
        ("", "[", ""),
        ("", "{1:", ""),
        ("", "-", "1"),
        ("", "!", "true"),
        ("", "true?1:", "1"),
        ("", "[1].map(x,", ""),
        ("", "'", ""),
    ];
    let all = chains.map(|(head, link, tail)| {
        let links = (MAX_SOURCE - head.len() - tail.len()) / link.len();
        format!("{head}{}{tail}", link.repeat(links))
    });
    let refusing = std::thread::Builder::new().stack_size(1 << 20).spawn(move || {
        for source in all {
            let answered = Expression::compile(&source).is_ok_and(|it| it.evaluate(&ordinary()).is_ok());
            assert!(
                !answered || source.starts_with("true&&") || source.starts_with('!'),
                "{source}"
            );
        }
        let deep = format!("{}1 == 1", "1+".repeat(25));
        assert_eq!(
            Expression::compile(&deep).map(|it| it.evaluate(&ordinary())).unwrap(),
            Ok(false)
        );
    });
    refusing.unwrap().join().unwrap();
}

/// Pieces that make real expressions more often than letters do.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "security.risk.score",
        "user.groups",
        "security.behaviors",
        "app",
        "request.asn",
        "x",
        "'a'",
        "b\"\\x\"",
        "1",
        "-9223372036854775808",
        "1e309",
        "0u",
        "null",
        "true",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "?",
        ".",
        "+",
        "-",
        "*",
        "/",
        "%",
        "!",
        "==",
        "<",
        "&&",
        "||",
        " in ",
        ".map(x,",
        ".exists(x,",
        ".filter(x,",
        ".all(x,",
        ".size()",
        ".contains(",
        "has(",
        "int(",
        "double(",
        "string(",
        "\n",
        "é",
        "\0",
        "@",
        "`",
    ]);
    prop_oneof![
        prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat()),
        ".{0,200}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_source_is_answered(source in hostile()) {
        if let Ok(expression) = Expression::compile(&source) {
            let first = expression.evaluate(&facts());
            prop_assert_eq!(&first, &answer(&source, &facts(), &mut Steps::new(MAX)));
        }
    }
}
