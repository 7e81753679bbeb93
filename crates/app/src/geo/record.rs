//! What a file says of a network, in the shapes of the files that people have: GeoIP2 and GeoLite2,
//! DB-IP (the same shape), IPinfo (flat, numbers and flags as text).

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// What is kept of a record. Nothing in it is longer than [`MAX_CHARS`].
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Record {
    /// ISO 3166-1.
    pub(super) country: Option<String>,
    pub(super) country_name: Option<String>,
    pub(super) state: Option<String>,
    /// ISO 3166-2 of the state.
    pub(super) region: Option<String>,
    pub(super) city: Option<String>,
    pub(super) postal_code: Option<String>,
    /// Degrees north and east.
    pub(super) coordinates: Option<(f64, f64)>,
    /// Kilometres.
    pub(super) radius: Option<u16>,
    pub(super) asn: Option<u32>,
    pub(super) organization: Option<String>,
    /// The provider that the address belongs to, where it is not who runs the network.
    pub(super) isp: Option<String>,
    pub(super) domain: Option<String>,
    /// Whether machines, VPN exits or relays are there; `None` where it does not speak of them.
    pub(super) hosting: Option<bool>,
    /// The same without machines: whether others are behind the address.
    pub(super) proxy: Option<bool>,
}

/// Characters that are kept of a name.
const MAX_CHARS: usize = 100;

/// A record as it is stored. Members that no file of a shape has are `None`; a member of another form
/// than any file has makes the record unreadable.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Stored {
    country: Option<Name>,
    registered_country: Option<Name>,
    country_code: Option<Name>,
    country_name: Option<Name>,
    subdivisions: Option<First>,
    region: Option<Name>,
    city: Option<Name>,
    postal: Option<Name>,
    location: Option<Location>,
    lat: Option<Number>,
    lng: Option<Number>,
    latitude: Option<Number>,
    longitude: Option<Number>,
    asn: Option<Number>,
    as_name: Option<Name>,
    as_domain: Option<Name>,
    domain: Option<Name>,
    isp: Option<Name>,
    autonomous_system_number: Option<Number>,
    autonomous_system_organization: Option<Name>,
    traits: Option<Traits>,
    is_anonymous: Option<Flag>,
    is_anonymous_vpn: Option<Flag>,
    is_hosting_provider: Option<Flag>,
    is_public_proxy: Option<Flag>,
    is_tor_exit_node: Option<Flag>,
    hosting: Option<Flag>,
    vpn: Option<Flag>,
    proxy: Option<Flag>,
    relay: Option<Flag>,
    tor: Option<Flag>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Location {
    latitude: Option<Number>,
    longitude: Option<Number>,
    accuracy_radius: Option<Number>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Traits {
    autonomous_system_number: Option<Number>,
    autonomous_system_organization: Option<Name>,
    isp: Option<Name>,
    domain: Option<Name>,
    is_anonymous: Option<Flag>,
    is_anonymous_proxy: Option<Flag>,
    is_anonymous_vpn: Option<Flag>,
    is_hosting_provider: Option<Flag>,
    is_public_proxy: Option<Flag>,
    is_tor_exit_node: Option<Flag>,
}

impl From<Stored> for Record {
    fn from(stored: Stored) -> Self {
        let traits = stored.traits.unwrap_or_default();
        let machines = [&stored.is_hosting_provider, &stored.hosting, &traits.is_hosting_provider];
        let relays = [
            &stored.is_anonymous,
            &stored.is_anonymous_vpn,
            &stored.is_public_proxy,
            &stored.is_tor_exit_node,
            &stored.vpn,
            &stored.proxy,
            &stored.relay,
            &stored.tor,
            &traits.is_anonymous,
            &traits.is_anonymous_proxy,
            &traits.is_anonymous_vpn,
            &traits.is_public_proxy,
            &traits.is_tor_exit_node,
        ];
        let proxy = any_of(&relays);
        let hosting = proxy.into_iter().chain(any_of(&machines)).reduce(|one, other| one || other);
        let country = stored.country.or(stored.registered_country).unwrap_or_default();
        let location = stored.location.unwrap_or_default();
        let latitude = location.latitude.or(stored.latitude).or(stored.lat);
        let longitude = location.longitude.or(stored.longitude).or(stored.lng);
        let asn = [stored.autonomous_system_number, stored.asn, traits.autonomous_system_number];
        let organization = stored.autonomous_system_organization.or(stored.as_name);
        // Where the code has a member of its own, `country` is the name.
        let code = stored.country_code.and_then(Name::any);
        let (code, name) = match code {
            Some(code) => (Some(code), country.name.or(country.code)),
            None => (country.code.clone(), country.name.or(country.code)),
        };
        let country = code.filter(|code| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()));
        let state = stored.subdivisions.and_then(|First(first)| first).or(stored.region);
        let part = state.as_ref().and_then(|state| state.code.as_ref());
        let part = part.filter(|part| part.len() <= 3 && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        Self {
            region: country.as_ref().zip(part).map(|(country, part)| format!("{country}-{part}")),
            country,
            country_name: stored.country_name.and_then(Name::any).or(name),
            state: state.and_then(Name::any),
            city: stored.city.and_then(Name::any),
            postal_code: stored.postal.and_then(Name::any),
            coordinates: latitude
                .zip(longitude)
                .map(|(latitude, longitude)| (latitude.real, longitude.real)),
            radius: location
                .accuracy_radius
                .and_then(|radius| radius.whole)
                .map(|radius| u16::try_from(radius).unwrap_or(u16::MAX)),
            asn: asn.into_iter().flatten().find_map(|number| number.whole),
            organization: organization.or(traits.autonomous_system_organization).and_then(Name::any),
            isp: stored.isp.or(traits.isp).and_then(Name::any),
            domain: stored.domain.or(stored.as_domain).or(traits.domain).and_then(Name::any),
            hosting,
            proxy,
        }
    }
}

/// Whether one of them is set; `None` where none is there.
fn any_of(flags: &[&Option<Flag>]) -> Option<bool> {
    let said = flags.iter().filter_map(|flag| flag.as_ref());
    said.map(|flag| flag.0).reduce(|one, other| one || other)
}

/// A name: a text, or a map with `names` or `name` and with `iso_code` or `code`.
#[derive(Debug, Default)]
struct Name {
    name: Option<String>,
    code: Option<String>,
}

impl Name {
    fn any(self) -> Option<String> {
        self.name.or(self.code)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, text: &str) -> Result<Name, E> {
        Ok(Name {
            name: None,
            code: cut(text),
        })
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Name, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Name, A::Error> {
        let mut found = Name::default();
        while let Some(member) = map.next_key::<Key>()? {
            match member {
                Key::Code => found.code = map.next_value::<Text>()?.0,
                Key::Name => found.name = map.next_value::<Text>()?.0,
                Key::Names => found.name = map.next_value::<English>()?.0,
                Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameVisitor)
    }
}

#[derive(Deserialize)]
#[serde(field_identifier)]
enum Key {
    #[serde(rename = "iso_code", alias = "code")]
    Code,
    #[serde(rename = "name")]
    Name,
    #[serde(rename = "names")]
    Names,
    #[serde(other)]
    Other,
}

/// Names by language: English, else any.
struct English(Option<String>);

struct EnglishVisitor;

impl<'de> Visitor<'de> for EnglishVisitor {
    type Value = English;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("names by language")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<English, A::Error> {
        let mut found = None;
        while let Some(language) = map.next_key::<Language>()? {
            match language {
                Language::English => found = map.next_value::<Text>()?.0,
                Language::Other if found.is_none() => found = map.next_value::<Text>()?.0,
                Language::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(English(found))
    }
}

impl<'de> Deserialize<'de> for English {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EnglishVisitor)
    }
}

#[derive(Deserialize)]
#[serde(field_identifier)]
enum Language {
    #[serde(rename = "en")]
    English,
    #[serde(other)]
    Other,
}

/// A text that is kept in part.
struct Text(Option<String>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = deserializer.deserialize_any(NameVisitor)?;
        Ok(Self(name.any()))
    }
}

fn cut(text: &str) -> Option<String> {
    let end = text.char_indices().nth(MAX_CHARS).map_or(text.len(), |(end, _)| end);
    text.get(..end).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The first of a list; subdivisions go from the largest to the smallest.
#[derive(Debug)]
struct First(Option<Name>);

struct FirstVisitor;

impl<'de> Visitor<'de> for FirstVisitor {
    type Value = First;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of names")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<First, A::Error> {
        let first = items.next_element()?;
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(First(first))
    }
}

impl<'de> Deserialize<'de> for First {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FirstVisitor)
    }
}

/// A number, or a text that is one; `AS64500` is 64500.
#[derive(Clone, Copy, Debug)]
struct Number {
    real: f64,
    /// Where it is one. Beyond 32 bits there is neither a network's number nor a distance.
    whole: Option<u32>,
}

impl From<Option<u32>> for Number {
    fn from(whole: Option<u32>) -> Self {
        Self {
            real: whole.map_or(f64::NAN, f64::from),
            whole,
        }
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_f64<E>(self, number: f64) -> Result<Number, E> {
        Ok(Number {
            real: number,
            whole: None,
        })
    }

    fn visit_u64<E>(self, number: u64) -> Result<Number, E> {
        Ok(u32::try_from(number).ok().into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Number, E> {
        let real = i32::try_from(number).map_or(f64::NAN, f64::from);
        Ok(Number {
            real,
            whole: u32::try_from(number).ok(),
        })
    }

    fn visit_str<E>(self, text: &str) -> Result<Number, E> {
        if let Ok(whole) = text.strip_prefix("AS").unwrap_or(text).parse() {
            return Ok(Some(whole).into());
        }
        Ok(Number {
            real: text.parse().unwrap_or(f64::NAN),
            whole: None,
        })
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

/// `true`, `"true"`, 1, or the name of a service.
#[derive(Clone, Copy, Debug)]
struct Flag(bool);

struct FlagVisitor;

impl Visitor<'_> for FlagVisitor {
    type Value = Flag;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a flag")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Flag, E> {
        Ok(Flag(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Flag, E> {
        Ok(Flag(number != 0))
    }

    fn visit_str<E>(self, text: &str) -> Result<Flag, E> {
        Ok(Flag(!matches!(text, "" | "false" | "0" | "no")))
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FlagVisitor)
    }
}
