//! Phones, computers and tablets: bought, updated with a delay, replaced.

use std::fmt;

use super::random::Random;

/// The kind of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Mobile,
    Desktop,
    Tablet,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Os {
    #[default]
    Android,
    Ios,
    Windows,
    Mac,
    Linux,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Browser {
    #[default]
    Chrome,
    Samsung,
    Firefox,
    WebView,
    Safari,
    Edge,
    Opera,
    /// A program, no browser.
    Library,
}

type Releases = &'static [(i32, u16, u16)];

/// Releases as (day of the world, major, minor). Day 0 is 2020-02-01; the dates are the real ones
/// to the week.
const CHROME: Releases = &[
    (-400, 71, 3578),
    (-330, 73, 3683),
    (-240, 75, 3770),
    (-150, 77, 3865),
    (-100, 78, 3904),
    (-52, 79, 3945),
    (3, 80, 3987),
    (66, 81, 4044),
    (108, 83, 4103),
    (164, 84, 4147),
    (206, 85, 4183),
    (248, 86, 4240),
    (290, 87, 4280),
    (353, 88, 4324),
];
const FIREFOX: Releases = &[
    (-200, 68, 0),
    (-100, 70, 0),
    (-60, 71, 0),
    (-25, 72, 0),
    (10, 73, 0),
    (38, 74, 0),
    (66, 75, 0),
    (94, 76, 0),
    (122, 77, 0),
    (150, 78, 0),
    (178, 79, 0),
    (206, 80, 0),
    (234, 81, 0),
    (262, 82, 0),
    (290, 83, 0),
    (318, 84, 0),
    (360, 85, 0),
];
const SAMSUNG: Releases = &[
    (-300, 9, 2),
    (-180, 10, 1),
    (20, 11, 1),
    (120, 11, 2),
    (200, 12, 0),
    (300, 12, 1),
    (350, 13, 0),
];
const SAFARI: Releases = &[(-300, 12, 1), (-130, 13, 0), (52, 13, 1), (228, 14, 0)];
const IOS: Releases = &[
    (-300, 12, 4),
    (-130, 13, 1),
    (-50, 13, 3),
    (52, 13, 4),
    (109, 13, 5),
    (165, 13, 6),
    (213, 13, 7),
    (228, 14, 0),
    (278, 14, 2),
    (317, 14, 3),
    (360, 14, 4),
];
const MAC: Releases = &[(-300, 10, 14), (-110, 10, 15), (285, 11, 0)];
const ANDROID: Releases = &[(-1200, 7, 0), (-890, 8, 0), (-540, 9, 0), (-150, 10, 0), (222, 11, 0)];

/// Days after which Chrome has another patch release.
const PATCH_DAYS: i32 = 16;

/// A device that somebody owns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Device {
    pub(super) kind: Kind,
    os: Os,
    model: u8,
    /// The system's first version cannot be older than the purchase.
    bought: i32,
    /// Days that this device is behind: browsers, system. `None` never changes.
    browser_lag: Option<i32>,
    system_lag: Option<i32>,
    windows: u16,
    browser: Browser,
    second_browser: Option<Browser>,
}

/// What a device shows of itself on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Appearance {
    pub(super) kind: Kind,
    os: Os,
    os_version: (u16, u16),
    browser: Browser,
    browser_version: (u16, u16),
    patch: u16,
    model: u8,
}

impl Kind {
    /// What people mainly sign in from.
    pub(super) fn main(random: &mut Random) -> Self {
        random.pick(&[(Self::Mobile, 0.53), (Self::Desktop, 0.41), (Self::Tablet, 0.06)])
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Mobile => "mobile",
            Self::Desktop => "desktop",
            Self::Tablet => "tablet",
        }
    }
}

impl Device {
    /// A device of a kind that somebody owns on `day`; `age` days old at most.
    pub(super) fn owned(kind: Kind, day: i32, age: u16, random: &mut Random) -> Self {
        let os = match kind {
            Kind::Mobile => random.pick(&[(Os::Ios, 0.52), (Os::Android, 0.48)]),
            Kind::Tablet => random.pick(&[(Os::Ios, 0.72), (Os::Android, 0.28)]),
            Kind::Desktop => random.pick(&[(Os::Windows, 0.72), (Os::Mac, 0.25), (Os::Linux, 0.03)]),
        };
        Self::with(kind, os, day, age, random)
    }

    /// What replaces this one: mostly of the same family.
    pub(super) fn successor(&self, day: i32, random: &mut Random) -> Self {
        if random.chance(0.85) {
            Self::with(self.kind, self.os, day, 30, random)
        } else {
            Self::owned(self.kind, day, 30, random)
        }
    }

    /// An up-to-date device of the same kind and system, with whatever browser is popular there.
    pub(super) fn lookalike(&self, day: i32, random: &mut Random) -> Self {
        Self::with(self.kind, self.os, day, 500, random)
    }

    fn with(kind: Kind, os: Os, day: i32, age: u16, random: &mut Random) -> Self {
        let lag = |mean: f64, never: f64, random: &mut Random| {
            (!random.chance(never)).then(|| i32::try_from(crate::number::whole(random.exponential(mean))).unwrap_or(0))
        };
        Self {
            kind,
            os,
            model: random.zipf(40, 0.9),
            bought: day - i32::try_from(random.below(u64::from(age).max(1))).unwrap_or(0),
            browser_lag: lag(9.0, 0.06, random),
            system_lag: lag(30.0, 0.20, random),
            windows: random.pick(&[(10, 0.82), (7, 0.12), (8, 0.06)]),
            browser: Browser::popular(os, random),
            second_browser: random.chance(0.12).then(|| Browser::popular(os, random)),
        }
    }

    /// What it shows on `day`; `other` asks for its second browser, if it has one.
    pub(super) fn appearance(&self, day: i32, other: bool) -> Appearance {
        let browser = self.second_browser.filter(|_| other).unwrap_or(self.browser);
        let seen_by_browser = self.browser_lag.map_or(self.bought, |lag| day - lag).max(self.bought);
        let seen_by_system = self.system_lag.map_or(self.bought, |lag| day - lag).max(self.bought);
        let os_version = match self.os {
            Os::Android => self.android(seen_by_system),
            Os::Ios => release(IOS, seen_by_system),
            Os::Mac => release(MAC, seen_by_system),
            Os::Windows => (self.windows, 0),
            Os::Linux => (0, 0),
        };
        let browser_version = match browser {
            Browser::Samsung => release(SAMSUNG, seen_by_browser),
            Browser::Firefox => release(FIREFOX, seen_by_browser),
            // Comes with the system.
            Browser::Safari => release(SAFARI, seen_by_system),
            Browser::WebView if self.os == Os::Ios => os_version,
            Browser::Chrome | Browser::Edge | Browser::WebView | Browser::Opera | Browser::Library => {
                release(CHROME, seen_by_browser)
            }
        };
        Appearance {
            kind: self.kind,
            os: self.os,
            os_version,
            browser,
            browser_version,
            patch: u16::try_from(seen_by_browser.max(0) / PATCH_DAYS).unwrap_or(0) * 11 + 47,
            model: self.model,
        }
    }

    /// Androids get at most two new majors, each about half a year late.
    fn android(&self, seen: i32) -> (u16, u16) {
        let (first, _) = release(ANDROID, self.bought - 120);
        let (now, _) = release(ANDROID, seen - 180);
        (now.clamp(first, first + 2), 0)
    }
}

impl Browser {
    fn popular(os: Os, random: &mut Random) -> Self {
        match os {
            Os::Android => random.pick(&[
                (Self::Chrome, 0.66),
                (Self::Samsung, 0.23),
                (Self::Firefox, 0.04),
                (Self::WebView, 0.07),
            ]),
            Os::Ios => random.pick(&[(Self::Safari, 0.80), (Self::Chrome, 0.13), (Self::WebView, 0.07)]),
            Os::Windows => random.pick(&[
                (Self::Chrome, 0.64),
                (Self::Edge, 0.20),
                (Self::Firefox, 0.12),
                (Self::Opera, 0.04),
            ]),
            Os::Mac => random.pick(&[(Self::Safari, 0.58), (Self::Chrome, 0.36), (Self::Firefox, 0.06)]),
            Os::Linux => random.pick(&[(Self::Chrome, 0.5), (Self::Firefox, 0.5)]),
        }
    }
}

fn release(releases: Releases, day: i32) -> (u16, u16) {
    let latest = releases.iter().rev().find(|(since, ..)| *since <= day);
    latest
        .or(releases.first())
        .map_or((0, 0), |(_, major, minor)| (*major, *minor))
}

impl Appearance {
    /// A program that tries passwords.
    pub(super) const fn of_a_program() -> Self {
        Self {
            kind: Kind::Desktop,
            os: Os::Linux,
            os_version: (0, 0),
            browser: Browser::Library,
            browser_version: (2, 22),
            patch: 0,
            model: 0,
        }
    }

    /// Such as `Chrome Mobile 81.0.4044`.
    pub(super) fn browser(&self) -> String {
        let (major, minor) = self.browser_version;
        match (self.browser, self.os) {
            (Browser::Chrome, Os::Ios) => format!("Chrome Mobile iOS {major}.0.{minor}"),
            (Browser::Chrome, Os::Android) => format!("Chrome Mobile {major}.0.{minor}"),
            (Browser::Chrome, _) => format!("Chrome {major}.0.{minor}"),
            (Browser::Samsung, _) => format!("Samsung Internet {major}.{minor}"),
            (Browser::Firefox, Os::Android) => format!("Firefox Mobile {major}.0"),
            (Browser::Firefox, _) => format!("Firefox {major}.0"),
            (Browser::WebView, Os::Ios) => "Mobile Safari UI/WKWebView".to_owned(),
            (Browser::WebView, _) => format!("Chrome Mobile WebView {major}.0.{minor}"),
            (Browser::Safari, Os::Ios) => format!("Mobile Safari {major}.{minor}"),
            (Browser::Safari, _) => format!("Safari {major}.{minor}"),
            (Browser::Edge, _) => format!("Edge {major}.0.{minor}"),
            (Browser::Opera, _) => format!("Opera {}.0.{minor}", major.saturating_sub(13)),
            (Browser::Library, _) => format!("Python Requests {major}.{minor}"),
        }
    }

    /// Such as `iOS 13.4`.
    pub(super) fn os(&self) -> String {
        let (major, minor) = self.os_version;
        match self.os {
            Os::Android => format!("Android {major}"),
            Os::Ios => format!("iOS {major}.{minor}"),
            Os::Windows => format!("Windows {major}"),
            Os::Mac => format!("Mac OS X {major}.{minor}"),
            Os::Linux => "Linux".to_owned(),
        }
    }

    fn platform(&self) -> String {
        let (major, minor) = self.os_version;
        match (self.os, self.kind) {
            (Os::Android, Kind::Tablet) => format!("Linux; Android {major}; SM-T{}", 500 + u16::from(self.model)),
            (Os::Android, _) => format!("Linux; Android {major}; SM-G{}F", 900 + u16::from(self.model) * 3),
            (Os::Ios, Kind::Tablet) => format!("iPad; CPU OS {major}_{minor} like Mac OS X"),
            (Os::Ios, _) => format!("iPhone; CPU iPhone OS {major}_{minor} like Mac OS X"),
            (Os::Windows, _) => match major {
                7 => "Windows NT 6.1; Win64; x64".to_owned(),
                8 => "Windows NT 6.3; Win64; x64".to_owned(),
                _ => "Windows NT 10.0; Win64; x64".to_owned(),
            },
            (Os::Mac, _) => format!("Macintosh; Intel Mac OS X {major}_{minor}_{}", self.model % 7),
            (Os::Linux, _) => "X11; Linux x86_64".to_owned(),
        }
    }
}

/// The `User-Agent` header.
impl fmt::Display for Appearance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let platform = self.platform();
        let (major, minor) = self.browser_version;
        let chrome = format!("Chrome/{major}.0.{minor}.{}", self.patch);
        let mobile = if self.kind == Kind::Desktop { "" } else { " Mobile" };
        let webkit = "AppleWebKit/605.1.15 (KHTML, like Gecko)";
        let blink = "AppleWebKit/537.36 (KHTML, like Gecko)";
        match (self.browser, self.os) {
            (Browser::Library, _) => write!(f, "python-requests/{major}.{minor}.0"),
            (Browser::Firefox, _) => write!(f, "Mozilla/5.0 ({platform}; rv:{major}.0) Gecko/20100101 Firefox/{major}.0"),
            (Browser::Chrome, Os::Ios) => write!(
                f,
                "Mozilla/5.0 ({platform}) {webkit} CriOS/{major}.0.{minor}.{} Mobile/15E148 Safari/604.1",
                self.patch
            ),
            (Browser::WebView, Os::Ios) => write!(f, "Mozilla/5.0 ({platform}) {webkit} Mobile/15E148"),
            (Browser::Safari, _) => write!(
                f,
                "Mozilla/5.0 ({platform}) {webkit} Version/{major}.{minor}{mobile} Safari/604.1"
            ),
            (Browser::Samsung, _) => write!(
                f,
                "Mozilla/5.0 ({platform}) {blink} SamsungBrowser/{major}.{minor} Chrome/79.0.3945.136{mobile} Safari/537.36"
            ),
            (Browser::WebView, _) => write!(
                f,
                "Mozilla/5.0 ({platform}; wv) {blink} Version/4.0 {chrome}{mobile} Safari/537.36"
            ),
            (Browser::Edge, _) => write!(
                f,
                "Mozilla/5.0 ({platform}) {blink} {chrome} Safari/537.36 Edg/{major}.0.{minor}.{}",
                self.patch
            ),
            (Browser::Opera, _) => write!(
                f,
                "Mozilla/5.0 ({platform}) {blink} {chrome} Safari/537.36 OPR/{}.0.{minor}.{}",
                major.saturating_sub(13),
                self.patch
            ),
            (Browser::Chrome, _) => write!(f, "Mozilla/5.0 ({platform}) {blink} {chrome}{mobile} Safari/537.36"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_updated_with_its_delay_and_never_back() {
        let mut random = Random::new(5, &[]);
        for _ in 0..500 {
            let kind = Kind::main(&mut random);
            let device = Device::owned(kind, 0, 900, &mut random);
            let versions: Vec<_> = (0..390).map(|day| device.appearance(day, false)).collect();
            for pair in versions.windows(2) {
                assert!(pair[0].os_version <= pair[1].os_version, "{device:?}");
                assert!(pair[0].browser_version <= pair[1].browser_version, "{device:?}");
            }
        }
    }

    #[test]
    fn the_header_is_one_that_browsers_send() {
        let mut random = Random::new(5, &[]);
        let device = Device {
            model: 2,
            browser: Browser::Chrome,
            browser_lag: Some(0),
            system_lag: Some(0),
            ..Device::with(Kind::Desktop, Os::Windows, 100, 1, &mut random)
        };
        let appearance = Device { windows: 10, ..device }.appearance(120, false);
        assert_eq!(appearance.browser(), "Chrome 83.0.4103");
        assert_eq!(appearance.os(), "Windows 10");
        assert_eq!(
            appearance.to_string(),
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/83.0.4103.124 Safari/537.36"
        );
    }
}
