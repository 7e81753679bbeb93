//! What a `User-Agent` header says: the one place that knows how headers are taken apart.

/// What a sign-in shows of its device, coarse enough to survive updates: families and major versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// `desktop`, `mobile`, `tablet`, `bot` or `unknown`.
    pub kind: String,
    /// Operating system with its major version, such as `Windows 10`.
    pub system: String,
    /// Browser without its version, such as `Chrome`.
    pub family: String,
    /// Browser with its major version, such as `Chrome 81`.
    pub browser: String,
    /// Whether this is a program and no browser.
    pub automated: bool,
}

/// Longer headers are cut here before anything looks at them.
pub const MAX_LENGTH: usize = 1_024;

/// Longer names of browsers, systems and kinds are cut here.
const MAX_NAME: usize = 64;

/// Names that programs give themselves and that the parser does not know.
const PROGRAMS: [&str; 12] = [
    "python-requests",
    "python-urllib",
    "python-httpx",
    "aiohttp",
    "curl/",
    "wget/",
    "go-http-client",
    "okhttp",
    "libwww-perl",
    "headlesschrome",
    "phantomjs",
    "node-fetch",
];

impl Device {
    /// Reads a header. Whatever it holds, something comes out.
    pub fn parse(user_agent: &str) -> Self {
        let user_agent = bounded(user_agent);
        let found = woothee::parser::Parser::new().parse(user_agent).unwrap_or_default();
        let automated = is_program(user_agent) || found.category == "crawler" || found.name == "HTTP Library";
        let (system, system_version) = match known(found.os) {
            // The word for the edition is the version here.
            name if name.starts_with("Windows ") => (name, ""),
            name => (name, known(&found.os_version)),
        };
        let family = known(found.name);
        Self {
            kind: kind(found.category, user_agent).to_owned(),
            system: family_and_major(&format!("{system} {system_version}")),
            family: family.to_owned(),
            browser: family_and_major(&format!("{family} {}", known(found.version))),
            automated,
        }
    }

    /// As [`parse`](Self::parse), but what the caller knows wins over what the header says.
    /// The header is taken apart only if something is missing.
    pub fn given(user_agent: &str, browser: &str, system: &str, kind: &str) -> Self {
        if browser.is_empty() || system.is_empty() || kind.is_empty() {
            let parsed = Self::parse(user_agent);
            let or = |given: &str, parsed: String| {
                if given.is_empty() { parsed } else { family_and_major(given) }
            };
            return Self {
                kind: or(kind, parsed.kind),
                system: or(system, parsed.system),
                family: if browser.is_empty() { parsed.family } else { family(browser) },
                browser: or(browser, parsed.browser),
                automated: parsed.automated,
            };
        }
        Self {
            kind: bounded_name(kind).to_owned(),
            system: family_and_major(system),
            family: family(browser),
            browser: family_and_major(browser),
            automated: is_program(bounded(user_agent)),
        }
    }
}

/// `Chrome Mobile 81.0.4044` is `Chrome Mobile 81`; what has no version stays as it is.
pub fn family_and_major(name: &str) -> String {
    let (family, version) = split_version(bounded_name(name));
    let major = version.split(['.', '_']).next().unwrap_or_default();
    if major.is_empty() {
        family.to_owned()
    } else {
        format!("{family} {major}")
    }
}

/// `Chrome Mobile 81.0.4044` is `Chrome Mobile`.
fn family(name: &str) -> String {
    split_version(bounded_name(name)).0.to_owned()
}

fn split_version(name: &str) -> (&str, &str) {
    let name = name.trim();
    match name.rsplit_once(' ') {
        Some((family, version)) if version.starts_with(|c: char| c.is_ascii_digit()) => (family.trim_end(), version),
        _ => (name, ""),
    }
}

/// The parser's word for what it does not know is none of ours.
fn known(word: &str) -> &str {
    if word == woothee::woothee::VALUE_UNKNOWN { "" } else { word }
}

fn kind<'a>(category: &str, user_agent: &str) -> &'a str {
    match category {
        "pc" => "desktop",
        "smartphone" if user_agent.contains("iPad") || user_agent.contains("Tablet") => "tablet",
        "smartphone" | "mobilephone" => "mobile",
        "crawler" => "bot",
        _ => "unknown",
    }
}

fn is_program(user_agent: &str) -> bool {
    let lower = user_agent.to_ascii_lowercase();
    PROGRAMS.iter().any(|program| lower.contains(program))
}

fn bounded(text: &str) -> &str {
    cut(text, MAX_LENGTH)
}

fn bounded_name(text: &str) -> &str {
    cut(text, MAX_NAME)
}

fn cut(text: &str, at: usize) -> &str {
    text.get(..text.floor_char_boundary(at)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn browsers_of_every_kind_are_told_apart() {
        let cases = [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/83.0.4103.124 Safari/537.36",
                ("desktop", "Windows 10", "Chrome 83", false),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 13_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.1 Mobile/15E148 Safari/604.1",
                ("mobile", "iPhone 13", "Safari 13", false),
            ),
            (
                "Mozilla/5.0 (Linux; Android 9; SM-G960F) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/81.0.4044.138 Mobile Safari/537.36",
                ("mobile", "Android 9", "Chrome 81", false),
            ),
            ("python-requests/2.22.0", ("unknown", "", "", true)),
            ("", ("unknown", "", "", false)),
        ];
        for (header, (kind, system, browser, automated)) in cases {
            let device = Device::parse(header);
            assert_eq!(
                (
                    device.kind.as_str(),
                    device.system.as_str(),
                    device.browser.as_str(),
                    device.automated
                ),
                (kind, system, browser, automated),
                "{header}"
            );
        }
    }

    #[test]
    fn what_is_given_wins() {
        let device = Device::given("curl/8.0", "Chrome Mobile 81.0.4044", "iOS 13.4", "tablet");
        assert_eq!(device.browser, "Chrome Mobile 81");
        assert_eq!(device.family, "Chrome Mobile");
        assert_eq!(device.system, "iOS 13");
        assert_eq!(device.kind, "tablet");
        assert!(device.automated);
        assert_eq!(Device::given("", "", "iOS 13.4", "").system, "iOS 13");
    }

    #[test]
    fn a_megabyte_costs_no_more_than_a_kilobyte() {
        let device = Device::parse(&"Mozilla/5.0 (Ünïcödé ".repeat(60_000));
        assert!(device.system.len() <= MAX_NAME + 8);
        assert_eq!(
            Device::given(&"x".repeat(1 << 20), &"b".repeat(1 << 20), "o", "k")
                .browser
                .len(),
            MAX_NAME
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in ".{0,200}", browser in ".{0,40}") {
            let _ = Device::parse(&text);
            let _ = Device::given(&text, &browser, &text, &browser);
        }
    }
}
