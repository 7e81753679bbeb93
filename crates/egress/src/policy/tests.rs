use proptest::prelude::*;

use super::*;

fn dev() -> Policy {
    Policy {
        dev: true,
        ..Policy::default()
    }
}

fn allowing(allow: &str) -> Policy {
    Policy {
        allow: vec![allow.parse().expect("PURPOSE=CIDR")],
        dev: false,
    }
}

#[test]
fn takes_public_destinations() {
    for url in [
        "https://idp.example/keys",
        "https://idp.example:8443/keys?x=y",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
        "HTTPS://IDP.EXAMPLE",
    ] {
        assert!(Policy::default().check(Purpose::Jwks, url).is_ok(), "{url}");
    }
}

#[test]
fn refuses_what_is_no_https_url() {
    let long = format!("https://idp.example/{}", "a".repeat(MAX_URL_BYTES));
    for (url, refusal) in [
        ("", Refusal::NotAUrl),
        ("idp.example/keys", Refusal::NotAUrl),
        ("/keys", Refusal::NotAUrl),
        (&long, Refusal::NotAUrl),
        ("http://idp.example", Refusal::Scheme),
        ("file:///etc/passwd", Refusal::Scheme),
        ("gopher://idp.example", Refusal::Scheme),
        ("data:application/json,{}", Refusal::Scheme),
        ("https://user@idp.example", Refusal::Credentials),
        ("https://user:password@idp.example", Refusal::Credentials),
        ("https://:password@idp.example", Refusal::Credentials),
    ] {
        assert_eq!(Policy::default().check(Purpose::Jwks, url), Err(refusal), "{url}");
    }
}

#[test]
fn refuses_addresses_that_are_not_public_in_every_spelling() {
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.0.0.1.",
        "0.0.0.0",
        "0",
        "10.1.2.3",
        "100.64.0.1",
        "100.100.100.200",
        "169.254.169.254",
        "168.63.129.16",
        "172.31.255.255",
        "192.0.0.192",
        "192.168.0.1",
        "198.18.0.1",
        "203.0.113.1",
        "224.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[::127.0.0.1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]",
        "[2001::1]",
        "[2001:db8::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[5f00::1]",
    ] {
        let refused = Policy::default().check(Purpose::Jwks, &format!("https://{host}/"));
        assert!(matches!(refused, Err(Refusal::Address(_))), "{host}: {refused:?}");
    }
}

#[test]
fn local_names_are_this_machine() {
    for host in ["localhost", "LOCALHOST", "localhost.", "a.localhost"] {
        let url = format!("https://{host}/");
        assert_eq!(Policy::default().check(Purpose::Jwks, &url), Err(Refusal::Name), "{host}");
        assert!(dev().check(Purpose::Jwks, &url).is_ok(), "{host}");
    }
}

#[test]
fn development_allows_http_and_loopback_and_nothing_else() {
    for url in [
        "http://127.0.0.1:8080/",
        "http://[::1]/",
        "http://idp.example/",
        "https://127.9.9.9/",
    ] {
        assert!(dev().check(Purpose::Push, url).is_ok(), "{url}");
    }
    for url in [
        "http://10.0.0.1/",
        "https://169.254.169.254/",
        "http://0.0.0.0/",
        "https://[fd00::1]/",
    ] {
        assert!(dev().check(Purpose::Push, url).is_err(), "{url}");
    }
}

#[test]
fn an_exception_is_for_one_purpose_and_for_addresses_only() {
    let policy = allowing("jwks=10.0.0.0/8");
    assert!(policy.check(Purpose::Jwks, "https://10.1.2.3/").is_ok());
    assert!(policy.check(Purpose::Jwks, "https://[::ffff:10.1.2.3]/").is_ok());
    assert!(policy.check(Purpose::Push, "https://10.1.2.3/").is_err());
    assert!(policy.check(Purpose::Jwks, "https://192.168.0.1/").is_err());
    assert_eq!(policy.check(Purpose::Jwks, "http://10.1.2.3/"), Err(Refusal::Scheme));
    assert!(allowing("push=::1").check(Purpose::Push, "https://localhost/").is_ok());
}

#[test]
fn reads_exceptions() {
    for text in ["jwks=10.0.0.0/8", "feeds=fd00::/8", "oidc=10.1.2.3/32"] {
        assert_eq!(text.parse::<OutboundAllow>().expect("valid").to_string(), text);
    }
    assert_eq!(
        "hooks = 10.1.2.3".parse::<OutboundAllow>().expect("valid").to_string(),
        "hooks=10.1.2.3/32"
    );
    for text in ["", "jwks", "10.0.0.0/8", "dns=10.0.0.0/8", "jwks=10.0.0.0/33", "jwks="] {
        assert!(text.parse::<OutboundAllow>().is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(url in "\\PC{0,60}") {
        let _ = Policy::default().check(Purpose::Hooks, &url);
    }

    #[test]
    fn mapping_changes_nothing(bits: u32) {
        let address = std::net::Ipv4Addr::from(bits);
        let policy = Policy::default();
        prop_assert_eq!(
            policy.permits(Purpose::Jwks, address.into()),
            policy.permits(Purpose::Jwks, address.to_ipv6_mapped().into())
        );
    }
}
