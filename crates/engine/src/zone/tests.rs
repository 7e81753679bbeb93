use watchfire_model::{
    id::ZoneId,
    object::{ZoneEntry, ZoneUsage},
    time::Timestamp,
};

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn zone(dynamic: Option<DynamicZone>) -> Zone {
    Zone {
        id: ZoneId::new("nzo1"),
        name: "zone".to_owned(),
        usage: ZoneUsage::Policy,
        status: Status::Active,
        system: false,
        gateways: vec![ZoneEntry::Cidr("203.0.113.0/24".parse().unwrap())],
        proxies: None,
        dynamic,
        created: NOW,
        last_updated: NOW,
    }
}

fn location(country: &str, region: Option<&str>) -> ZoneLocation {
    ZoneLocation {
        country: country.to_owned(),
        region: region.map(str::to_owned),
    }
}

fn v1(locations: Option<Vec<ZoneLocation>>, asns: &[u32], proxy_type: ProxyType) -> DynamicZone {
    DynamicZone::Dynamic {
        locations,
        asns: asns.to_vec(),
        proxy_type,
    }
}

fn lists<T: Clone>(include: &[T], exclude: &[T]) -> ZoneLists<T> {
    ZoneLists {
        include: include.to_vec(),
        exclude: exclude.to_vec(),
    }
}

fn v2(locations: ZoneLists<ZoneLocation>, asns: ZoneLists<u32>, categories: ZoneLists<&str>) -> DynamicZone {
    DynamicZone::DynamicV2 {
        locations,
        asns,
        ip_service_categories: ZoneLists {
            include: categories.include.iter().map(|it| (*it).to_owned()).collect(),
            exclude: categories.exclude.iter().map(|it| (*it).to_owned()).collect(),
        },
    }
}

fn place(country: Option<&str>, region: Option<&str>, asn: Option<u32>, hosting: Option<bool>) -> Place {
    Place {
        country: country.map(str::to_owned),
        region: region.map(str::to_owned),
        asn,
        hosting,
        ..Place::default()
    }
}

#[test]
fn dynamic_zones_ask_for_places_networks_and_services() {
    let no_lists = || lists::<u32>(&[], &[]);
    let nowhere = || lists::<ZoneLocation>(&[], &[]);
    let oslo = place(Some("NO"), Some("NO-03"), Some(2119), Some(false));
    let cloud = place(Some("US"), None, Some(16509), Some(true));
    let nobody_knows = Place::default();
    // A data set of networks says nothing of who is in them.
    let network_only = place(Some("NO"), None, Some(2119), None);
    let norway = || {
        v1(
            Some(vec![location("no", None), location("SE", None)]),
            &[],
            ProxyType::Unasked,
        )
    };
    let california = || v1(Some(vec![location("US", Some("US-CA"))]), &[], ProxyType::Unasked);
    let telenor = || v1(None, &[2119, 8542], ProxyType::Unasked);
    let any_proxy = || v1(None, &[], ProxyType::Any);
    let tor = || v1(None, &[], ProxyType::Tor);
    let not_norway = || v2(lists(&[], &[location("NO", None)]), no_lists(), lists(&[], &[]));
    let no_clouds = || v2(nowhere(), lists(&[], &[16509]), lists(&[], &[]));
    let anonymizers = || v2(nowhere(), no_lists(), lists(&["ALL_ANONYMIZERS"], &[]));
    let one_vpn = || v2(nowhere(), no_lists(), lists(&["NORDVPN"], &[]));
    let no_anonymizers = || v2(nowhere(), no_lists(), lists(&[], &["ALL_PROXIES_VPNS"]));
    let cases = [
        ("country", norway(), &oslo, Inside),
        ("another country", norway(), &cloud, Outside),
        ("no country known", norway(), &nobody_knows, Unknown),
        ("region unknown", california(), &cloud, Unknown),
        ("region of another country", california(), &oslo, Outside),
        ("network", telenor(), &oslo, Inside),
        ("another network", telenor(), &cloud, Outside),
        ("no network known", telenor(), &nobody_knows, Unknown),
        ("any proxy", any_proxy(), &cloud, Inside),
        ("no proxy", any_proxy(), &oslo, Outside),
        ("nobody knows whether a proxy", any_proxy(), &nobody_knows, Unknown),
        ("the network known, its use not", any_proxy(), &network_only, Unknown),
        (
            "perhaps none of the excluded services",
            no_anonymizers(),
            &network_only,
            Unknown,
        ),
        ("machines, perhaps Tor", tor(), &cloud, Unknown),
        ("people, not Tor", tor(), &oslo, Outside),
        ("not there", not_norway(), &oslo, Outside),
        ("elsewhere", not_norway(), &cloud, Inside),
        ("perhaps there", not_norway(), &nobody_knows, Unknown),
        ("another network than excluded", no_clouds(), &oslo, Inside),
        ("the network excluded", no_clouds(), &cloud, Outside),
        ("all anonymizers", anonymizers(), &cloud, Inside),
        ("one that cannot be told from others", one_vpn(), &cloud, Unknown),
        ("people use no VPN that is known", one_vpn(), &oslo, Outside),
        ("excluded services", no_anonymizers(), &cloud, Outside),
        ("none of the excluded services", no_anonymizers(), &oslo, Inside),
        ("perhaps an excluded service", no_anonymizers(), &nobody_knows, Unknown),
    ];
    let ip: IpAddr = "203.0.113.7".parse().unwrap();
    for (name, dynamic, place, want) in cases {
        assert_eq!(membership(&zone(Some(dynamic)), ip, place), want, "{name}");
    }
}

/// One criterion that certainly fails is enough, whatever nobody knows of the others.
#[test]
fn all_criteria_must_hold() {
    let somewhere = place(Some("US"), None, None, Some(false));
    let both = v1(Some(vec![location("NO", None)]), &[2119], ProxyType::Tor);
    let ip: IpAddr = "203.0.113.7".parse().unwrap();
    assert_eq!(membership(&zone(Some(both)), ip, &somewhere), Outside);
    let mut off = zone(Some(v1(None, &[1], ProxyType::Unasked)));
    off.status = Status::Inactive;
    assert_eq!(membership(&off, ip, &somewhere), Outside);
}

#[test]
fn zones_of_addresses_ask_for_nothing_else() {
    for (ip, want) in [
        ("203.0.113.7", Inside),
        ("::ffff:203.0.113.7", Inside),
        ("203.0.114.7", Outside),
        ("2001:db8::1", Outside),
    ] {
        assert_eq!(membership(&zone(None), ip.parse().unwrap(), &Place::default()), want, "{ip}");
    }
}
