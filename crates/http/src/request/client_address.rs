//! Finds the client behind trusted proxies.
//!
//! A proxy adds the address that it saw on the right, so everything left of the first untrusted hop is
//! what that hop claims, and counts for nothing.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const MAX_HOPS: usize = 32;

/// The client, then the trusted proxies up to the TCP peer.
///
/// `X-Forwarded-For` is read where it is present, else `Forwarded` (RFC 7239): a proxy that writes only
/// the latter must drop the former.
pub(super) fn chain(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Vec<IpAddr> {
    let mut chain = vec![peer.to_canonical()];
    let mut hops = claimed_hops(headers).into_iter().rev();
    while chain.len() < MAX_HOPS && chain.last().is_some_and(|&hop| is_trusted(hop, trusted)) {
        match hops.next().and_then(|text| parse_hop(&text)) {
            Some(hop) => chain.push(hop),
            None => break,
        }
    }
    chain.reverse();
    chain
}

fn is_trusted(hop: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&hop))
}

fn claimed_hops(headers: &HeaderMap) -> Vec<String> {
    if headers.contains_key(X_FORWARDED_FOR) {
        return elements(headers, &X_FORWARDED_FOR);
    }
    elements(headers, &header::FORWARDED)
        .iter()
        .map(|element| forwarded_for(element).unwrap_or_default().to_owned())
        .collect()
}

/// The elements of all lines of a list header, in their order.
fn elements(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    headers
        .get_all(name)
        .iter()
        .flat_map(|line| {
            let line = String::from_utf8_lossy(line.as_bytes()).into_owned();
            line.split(',').map(|element| element.trim().to_owned()).collect::<Vec<_>>()
        })
        .collect()
}

fn forwarded_for(element: &str) -> Option<&str> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| value.trim())
    })
}

/// An address with or without quotes, brackets and port.
fn parse_hop(text: &str) -> Option<IpAddr> {
    let text = text.trim_matches('"');
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()))
        .ok()
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusted() -> Vec<IpNet> {
        ["10.0.0.0/8", "fd00::/8"]
            .iter()
            .map(|net| net.parse().expect("CIDR"))
            .collect()
    }

    fn chain_of(peer: &str, lines: &[(&'static str, &str)]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().expect("a header value"));
        }
        let chain = chain(peer.parse().expect("an address"), &headers, &trusted());
        chain.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_untrusted_peer_is_the_client_whatever_it_says() {
        let lines = [("x-forwarded-for", "203.0.113.9"), ("forwarded", "for=203.0.113.9")];
        assert_eq!(chain_of("198.51.100.7", &lines), ["198.51.100.7"]);
    }

    #[test]
    fn the_first_untrusted_hop_from_the_right_is_the_client() {
        let lines = [("x-forwarded-for", "1.1.1.1, 203.0.113.9, 10.0.0.2")];
        assert_eq!(chain_of("10.0.0.1", &lines), ["203.0.113.9", "10.0.0.2", "10.0.0.1"]);
    }

    #[test]
    fn several_lines_are_one_list() {
        let lines = [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "203.0.113.9")];
        assert_eq!(chain_of("10.0.0.1", &lines), ["203.0.113.9", "10.0.0.1"]);
    }

    #[test]
    fn only_proxies_means_the_leftmost_of_them() {
        let lines = [("x-forwarded-for", "10.0.0.3, 10.0.0.2")];
        assert_eq!(chain_of("10.0.0.1", &lines), ["10.0.0.3", "10.0.0.2", "10.0.0.1"]);
    }

    #[test]
    fn an_unreadable_hop_ends_the_chain() {
        let lines = [("x-forwarded-for", "203.0.113.9, unknown")];
        assert_eq!(chain_of("10.0.0.1", &lines), ["10.0.0.1"]);
        assert_eq!(chain_of("10.0.0.1", &[("x-forwarded-for", "")]), ["10.0.0.1"]);
    }

    #[test]
    fn forwarded_is_read_where_it_stands_alone() {
        let lines = [("forwarded", r#"for=1.1.1.1;proto=http, For="[2001:db8::1]:4711";by=10.0.0.1"#)];
        assert_eq!(chain_of("10.0.0.1", &lines), ["2001:db8::1", "10.0.0.1"]);
        let both = [("x-forwarded-for", "203.0.113.9"), ("forwarded", "for=1.1.1.1")];
        assert_eq!(chain_of("10.0.0.1", &both), ["203.0.113.9", "10.0.0.1"]);
    }

    #[test]
    fn addresses_are_canonical_and_may_have_ports() {
        for text in ["203.0.113.9:4711", "::ffff:203.0.113.9", "[::ffff:203.0.113.9]:1"] {
            assert_eq!(
                chain_of("::ffff:10.0.0.1", &[("x-forwarded-for", text)]),
                ["203.0.113.9", "10.0.0.1"]
            );
        }
        assert_eq!(
            chain_of("fd00::1", &[("x-forwarded-for", "[2001:db8::2]")]),
            ["2001:db8::2", "fd00::1"]
        );
    }

    #[test]
    fn a_long_chain_is_cut() {
        let hops = vec!["10.0.0.9"; 1_000].join(",");
        assert_eq!(chain_of("10.0.0.1", &[("x-forwarded-for", &hops)]).len(), MAX_HOPS);
    }
}
