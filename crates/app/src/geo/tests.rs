use proptest::prelude::*;
use serde_json::{Value, json};
use watchfire_fixtures::mmdb::Mmdb;

use super::{keeper::Change, *};

const BUILT: u64 = 1_780_000_000;

fn now() -> Timestamp {
    Timestamp::from_seconds(1_780_086_400)
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn city() -> Mmdb {
    Mmdb::new("GeoLite2-City", BUILT)
        .network(
            "192.0.2.0/24",
            json!({
                "continent": {"code": "EU", "names": {"de": "Europa", "en": "Europe"}},
                "country": {"geoname_id": 3_017_382, "iso_code": "FR", "names": {"de": "Frankreich", "en": "France"}},
                "subdivisions": [{"iso_code": "ARA", "names": {"en": "Auvergne-Rhone-Alpes"}}, {"iso_code": "69"}],
                "city": {"names": {"en": "Lyon"}},
                "postal": {"code": "69001"},
                "location": {"accuracy_radius": 20, "latitude": 45.76, "longitude": 4.83, "time_zone": "Europe/Paris"},
            }),
        )
        .network(
            "198.51.100.0/24",
            json!({"country": {"iso_code": "SE"}, "location": {"latitude": 59.3, "longitude": 18.0}}),
        )
        .network(
            "2001:db8::/32",
            json!({"country": {"iso_code": "JP"}, "city": {"names": {"ja": "Kyoto"}}}),
        )
}

fn asn() -> Mmdb {
    Mmdb::new("GeoLite2-ASN", BUILT).record_bits(24).network(
        "192.0.0.0/8",
        json!({"autonomous_system_number": 64_500, "autonomous_system_organization": "example hosting"}),
    )
}

fn anonymous() -> Mmdb {
    Mmdb::new("GeoIP2-Anonymous-IP", BUILT)
        .record_bits(32)
        .ipv4_only()
        .network("192.0.2.128/25", json!({"is_anonymous": true, "is_hosting_provider": true}))
}

/// A folder with these files, looked at once.
fn geo(files: &[(Kind, Vec<u8>)]) -> (tempfile::TempDir, Geo) {
    let folder = tempfile::tempdir().unwrap();
    let geo = Geo::new(GeoSettings {
        folder: Some(Folder::of(folder.path()).path().to_owned()),
        ..GeoSettings::default()
    });
    for (kind, bytes) in files {
        Folder::of(folder.path()).put(*kind, bytes).unwrap();
    }
    geo.refresh(now());
    (folder, geo)
}

#[test]
fn what_files_of_several_kinds_say_is_put_together() {
    let (_folder, geo) = geo(&[
        (Kind::Anonymous, anonymous().bytes()),
        (Kind::Asn, asn().bytes()),
        (Kind::City, city().bytes()),
    ]);
    let lyon = geo.locate(ip("192.0.2.7"), now());
    let expected = Place {
        country: Some("FR".to_owned()),
        state: Some("Auvergne-Rhone-Alpes".to_owned()),
        region: Some("FR-ARA".to_owned()),
        city: Some("Lyon".to_owned()),
        asn: Some(64_500),
        fix: Fix::of_degrees(45.76, 4.83, 20),
        hosting: Some(false),
    };
    assert_eq!(lyon.place, expected);
    let relay = geo.locate(ip("192.0.2.200"), now());
    assert_eq!((relay.place.hosting, relay.proxy), (Some(true), Some(true)));
    let network = lyon.network();
    assert_eq!(
        (
            network.as_number,
            network.as_org.as_deref(),
            network.isp.as_deref(),
            network.is_proxy
        ),
        (Some(64_500), Some("example hosting"), Some("example hosting"), Some(false))
    );
    assert_eq!(geo.locate(ip("::ffff:192.0.2.7"), now()), lyon);

    let context = serde_json::to_value(lyon.context()).unwrap();
    assert_eq!(
        context,
        json!({"city": "Lyon", "state": "Auvergne-Rhone-Alpes", "country": "France", "postalCode": "69001",
            "geolocation": {"lat": 45.76, "lon": 4.83}})
    );
    assert_eq!(geo.locate(ip("2001:db8::1"), now()).place.city.as_deref(), Some("Kyoto"));
    for unknown in ["203.0.113.1", "2001:db9::1", "0.0.0.0", "::"] {
        let mut nothing = Located::default();
        // A file of such networks that does not have an address says that it is none.
        (nothing.place.hosting, nothing.proxy) = (Some(false), Some(false));
        assert_eq!(geo.locate(ip(unknown), now()), nothing, "{unknown}");
    }
}

/// Unknown is not false: without a file that speaks of machines and relays, nobody knows.
#[test]
fn what_no_file_speaks_of_is_not_known() {
    let (_folder, plain) = geo(&[(Kind::Asn, asn().bytes()), (Kind::City, city().bytes())]);
    let lyon = plain.locate(ip("192.0.2.7"), now());
    assert_eq!((lyon.place.hosting, lyon.proxy), (None, None));
    assert_eq!(plain.locate(ip("203.0.113.1"), now()).network(), SecurityContext::default());
    let said = |record: Value| {
        let bytes = Mmdb::new("any", BUILT).network("192.0.2.0/24", record).bytes();
        let (_folder, geo) = geo(&[(Kind::Asn, bytes)]);
        let located = geo.locate(ip("192.0.2.1"), now());
        (located.place.hosting, located.proxy)
    };
    let with = |name: &str, flag: bool| json!({"autonomous_system_number": 64_500, "traits": {name: flag}});
    assert_eq!(said(json!({"autonomous_system_number": 64_500})), (None, None));
    assert_eq!(
        said(with("is_hosting_provider", true)),
        (Some(true), None),
        "a machine is no proxy"
    );
    assert_eq!(said(with("is_hosting_provider", false)), (Some(false), None));
    assert_eq!(said(with("is_anonymous_vpn", true)), (Some(true), Some(true)));
    assert_eq!(said(with("is_anonymous_vpn", false)), (Some(false), Some(false)));
}

#[test]
fn providers_and_domains_are_read_where_files_have_them() {
    for (record, isp, domain) in [
        (
            json!({"autonomous_system_number": 64_500, "autonomous_system_organization": "AS Org", "isp": "The ISP",
                "domain": "example.net"}),
            "The ISP",
            Some("example.net"),
        ),
        (
            json!({"asn": "AS64500", "as_name": "AS Org", "as_domain": "example.org"}),
            "AS Org",
            Some("example.org"),
        ),
        (
            json!({"traits": {"autonomous_system_number": 64_500, "isp": "The ISP"}}),
            "The ISP",
            None,
        ),
    ] {
        let bytes = Mmdb::new("any", BUILT).network("192.0.2.0/24", record.clone()).bytes();
        let (_folder, geo) = geo(&[(Kind::Asn, bytes)]);
        let network = geo.locate(ip("192.0.2.1"), now()).network();
        assert_eq!(
            (network.isp.as_deref(), network.domain.as_deref()),
            (Some(isp), domain),
            "{record}"
        );
    }
}

#[test]
fn every_size_of_record_is_read_with_and_without_ipv6() {
    for bits in [24, 28, 32] {
        for file in [asn().record_bits(bits), asn().record_bits(bits).ipv4_only()] {
            let (_folder, geo) = geo(&[(Kind::Asn, file.bytes())]);
            assert_eq!(geo.locate(ip("192.0.2.7"), now()).place.asn, Some(64_500), "{bits}");
        }
    }
}

/// Shapes of the vendors' files.
#[test]
fn the_shapes_that_people_have_are_read() {
    let table: &[(Value, Kind, Place)] = &[
        (
            json!({"asn": "AS64500", "as_name": "Example", "country": "Australia", "country_code": "AU", "continent_code": "OC"}),
            Kind::Country,
            Place {
                country: Some("AU".into()),
                asn: Some(64_500),
                ..Place::default()
            },
        ),
        (
            json!({"city": "Oslo", "region": "Oslo", "country": "NO", "lat": "59.9139", "lng": "10.7522", "postal": "0150"}),
            Kind::City,
            Place {
                country: Some("NO".into()),
                state: Some("Oslo".into()),
                city: Some("Oslo".into()),
                fix: Fix::of_degrees(59.9139, 10.7522, CITY_RADIUS),
                ..Place::default()
            },
        ),
        (
            json!({"country": {"iso_code": "SE"}, "location": {"latitude": 59.3, "longitude": 18.0}}),
            Kind::City,
            Place {
                country: Some("SE".into()),
                fix: Fix::of_degrees(59.3, 18.0, COUNTRY_RADIUS),
                ..Place::default()
            },
        ),
        (
            json!({"hosting": "true", "vpn": "", "service": "Example"}),
            Kind::Anonymous,
            Place {
                hosting: Some(true),
                ..Place::default()
            },
        ),
        (
            json!({"registered_country": {"iso_code": "DE"}, "traits": {"is_anonymous_proxy": true}}),
            Kind::Country,
            Place {
                country: Some("DE".into()),
                hosting: Some(true),
                ..Place::default()
            },
        ),
        (
            json!({"country": {"iso_code": "not a code"}, "location": {"latitude": 400.5, "longitude": 1.5}, "asn": 12}),
            Kind::City,
            Place {
                asn: Some(12),
                ..Place::default()
            },
        ),
    ];
    for (record, kind, place) in table {
        let bytes = Mmdb::new("any", BUILT).network("192.0.2.0/24", record.clone()).bytes();
        assert_eq!(DataFile::open(bytes.clone()).unwrap().kind().unwrap(), *kind, "{record}");
        let (_folder, geo) = geo(&[(*kind, bytes)]);
        assert_eq!(&geo.locate(ip("192.0.2.1"), now()).place, place, "{record}");
    }
}

#[test]
fn a_country_of_one_file_and_a_city_of_another_are_not_mixed() {
    let country = Mmdb::new("country", BUILT).network("192.0.2.0/24", json!({"country": {"iso_code": "CH"}}));
    let (_folder, geo) = geo(&[(Kind::City, city().bytes()), (Kind::Country, country.bytes())]);
    let place = geo.locate(ip("192.0.2.1"), now()).place;
    assert_eq!((place.country.as_deref(), place.city.as_deref()), (Some("FR"), Some("Lyon")));
}

#[test]
fn a_changed_file_is_exchanged_and_a_bad_one_leaves_the_old_in_use() {
    let (folder, geo) = geo(&[(Kind::Asn, asn().bytes())]);
    let folder = Folder::of(folder.path());
    let number = || geo.locate(ip("192.0.2.1"), now()).place.asn;
    assert_eq!(geo.refresh(now()), [], "nothing has changed");

    let other = Mmdb::new("other", BUILT).network("192.0.2.0/24", json!({"asn": 64_501}));
    folder.put(Kind::Asn, &other.bytes()).unwrap();
    assert_eq!(geo.refresh(now()), [(Kind::Asn, Change::Loaded)]);
    assert_eq!(number(), Some(64_501));

    let mut cut = other.bytes();
    cut.truncate(cut.len() / 2);
    for bad in [cut, b"no such file".to_vec(), city().bytes()] {
        folder.put(Kind::Asn, &bad).unwrap();
        assert_eq!(geo.refresh(now()), [(Kind::Asn, Change::Refused)]);
        assert_eq!(geo.refresh(now()), [], "it is refused once");
        assert_eq!(number(), Some(64_501), "the old one is in use");
        assert!(geo.status(now())[0].problem.is_some());
    }

    folder.put(Kind::Asn, &asn().bytes()).unwrap();
    assert_eq!(geo.refresh(now()), [(Kind::Asn, Change::Loaded)]);
    assert!(geo.status(now())[0].problem.is_none());
    assert!(folder.remove(Kind::Asn).unwrap());
    assert_eq!(geo.refresh(now()), [(Kind::Asn, Change::Removed)]);
    assert_eq!((number(), geo.is_empty()), (None, true));
}

#[test]
fn a_file_beyond_the_limit_is_refused() {
    let (folder, _) = geo(&[(Kind::Asn, asn().bytes())]);
    let path = Folder::of(folder.path()).file(Kind::Asn);
    let length = u64::try_from(asn().bytes().len()).unwrap();
    assert!(read(&path, length).is_ok());
    assert!(matches!(read(&path, length - 1), Err(GeoError::TooLarge { .. })));
}

/// Issue: a stale database. It is used; past the second age its coordinates are worth a country's.
#[test]
fn old_data_is_used_and_very_old_coordinates_say_little() {
    let (_folder, geo) = geo(&[(Kind::City, city().bytes())]);
    let settings = GeoSettings::default();
    let built = Timestamp::from_seconds(1_780_000_000);
    for (age, freshness, radius) in [
        (settings.stale_after, Freshness::Fresh, 20),
        (settings.stale_after + Duration::from_secs(1), Freshness::Stale, 20),
        (
            settings.doubtful_after + Duration::from_secs(1),
            Freshness::Doubtful,
            COUNTRY_RADIUS,
        ),
    ] {
        let now = built.plus(age);
        let place = geo.locate(ip("192.0.2.1"), now).place;
        assert_eq!((place.country.as_deref(), place.fix.unwrap().radius), (Some("FR"), radius));
        assert_eq!(geo.status(now)[0].in_use.as_ref().unwrap().1, freshness);
    }
    // A clock that is behind the file.
    assert_eq!(settings.freshness(built, built.minus(DAY)), Freshness::Fresh);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    /// Issue: bad input. A damaged file is refused or says something; it never ends the process, and
    /// what it says is within bounds.
    #[test]
    fn a_damaged_file_never_panics(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        keep in any::<prop::sample::Index>(),
        cut in prop::bool::weighted(0.2),
        address in any::<u128>(),
        which in 0..3_usize,
    ) {
        let mut bytes = [city(), asn(), anonymous()][which].bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if cut {
            bytes.truncate(keep.index(bytes.len()));
        }
        if let Ok(file) = DataFile::open(bytes) {
            let _ = (file.verify(), file.kind(), file.is_about(Kind::City));
            for address in [ip("192.0.2.7"), ip("2001:db8::1"), std::net::Ipv6Addr::from(address).into()] {
                let mut located = Located::default();
                located.add(file.record(address), false);
                prop_assert!(located.place.country.is_none_or(|country| country.len() == 2));
                prop_assert!(located.place.city.is_none_or(|city| city.chars().count() <= 100));
                let there_is = |fix: Fix| fix.latitude.abs() <= 900_000 && fix.longitude.abs() <= 1_800_000;
                prop_assert!(located.place.fix.is_none_or(there_is));
            }
        }
    }
}

/// Files that are made to cost: nodes that lead back to themselves, maps within themselves, texts
/// without an end.
#[test]
fn a_file_that_was_made_to_cost_is_refused_soon() {
    let honest = Mmdb::new("loop", BUILT).ipv4_only().record_bits(24);
    let file = honest.network("0.0.0.0/1", json!({"asn": 1})).bytes();
    let mut looping = file.clone();
    looping[..6].copy_from_slice(&[0, 0, 0, 0, 0, 0]);
    let file_of_loops = DataFile::open(looping).unwrap();
    assert!(file_of_loops.verify().is_err());
    assert_eq!(file_of_loops.record(ip("192.0.2.1")), Record::default());
    assert!(matches!(file_of_loops.kind(), Err(GeoError::Foreign)));

    // The record becomes a pointer to itself: type 1, size 0, offset 0.
    let mut cyclic = file;
    cyclic[6 + 16..6 + 18].copy_from_slice(&[0x20, 0]);
    let cyclic = DataFile::open(cyclic).unwrap();
    assert!(cyclic.verify().is_err());
    assert_eq!(cyclic.record(ip("0.0.0.1")), Record::default());
}

#[test]
fn a_file_of_a_time_that_cannot_be_written_is_refused() {
    for (built, is_taken) in [(253_402_207_200, true), (253_402_207_201, false), (1 << 40, false)] {
        let opened = DataFile::open(Mmdb::new("GeoLite2-City", built).bytes());
        match opened {
            Ok(file) => assert!(is_taken && !file.summary().built.to_string().is_empty(), "{built}"),
            Err(error) => assert!(!is_taken && matches!(error, GeoError::Undated), "{built}: {error}"),
        }
    }
}
