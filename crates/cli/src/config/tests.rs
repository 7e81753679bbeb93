use std::{collections::BTreeMap, fs, path::PathBuf};

use super::*;

fn flags(pairs: &[(&'static str, &str)]) -> Flags {
    let mut values: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for (name, value) in pairs {
        values.entry(name).or_default().push((*value).to_owned());
    }
    Flags { file: None, values }
}

fn load(pairs: &[(&'static str, &str)]) -> Result<Config, ConfigError> {
    Config::load_in(&flags(pairs), &|_| None)
}

fn refusal(pairs: &[(&'static str, &str)]) -> String {
    load(pairs).unwrap_err().to_string()
}

/// The table is what people read; the layers' own defaults are what their tests use.
#[test]
fn the_defaults_of_the_table_are_those_of_the_layers() {
    let config = load(&[]).unwrap();
    let mut layers = AppSettings::new("http://x");
    let given = config.settings("http://x");
    // Where data sets of places lie follows from the folder of the data; the layers know none, and no names.
    layers.geo.folder.clone_from(&given.geo.folder);
    layers.effective.clone_from(&given.effective);
    assert_eq!(format!("{given:?}"), format!("{layers:?}"));
    assert_eq!(format!("{:?}", config.edge), format!("{:?}", EdgeLimits::default()));
    assert_eq!(config.listener, ListenerLimits::default());
    assert_eq!(format!("{:?}", config.store), format!("{:?}", StoreSettings::default()));
}

#[test]
fn a_flag_goes_before_the_environment_the_file_and_the_default() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("watchfire.toml");
    fs::write(
        &file,
        "listen = \"127.0.0.1:1\"\nlogins-per-second = 1\nclock-skew = \"1s\"\n",
    )
    .unwrap();
    let mut given = flags(&[("listen", "127.0.0.1:3")]);
    given.file = Some(file);
    let environment = |name: &str| match name {
        "WATCHFIRE_LISTEN" => Some("127.0.0.1:2".to_owned()),
        "WATCHFIRE_LOGINS_PER_SECOND" => Some("2".to_owned()),
        "WATCHFIRE_CLOCK_SKEW" => Some(String::new()),
        _ => None,
    };
    let config = Config::load_in(&given, &environment).unwrap();
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.settings("").logins_per_second, 2);
    assert_eq!(config.settings("").clock_skew.as_secs(), 1, "an empty variable is none");
    assert_eq!(config.settings("").risk_calls_per_minute, 3);
    let origins = Layers::read(&given, &environment).unwrap();
    let origin = |name: &str| origins.get(name).unwrap().origin.kind();
    assert_eq!(
        ["listen", "logins-per-second", "clock-skew", "dev"].map(origin),
        ["flag", "environment", "file", "default"]
    );
}

#[test]
fn a_secret_comes_from_the_environment_or_a_file_and_is_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    fs::write(&path, "from-a-file\n").unwrap();
    let environment = |name: &str| (name == "WATCHFIRE_ADMIN_TOKEN_FILE").then(|| path.display().to_string());
    let config = Config::load_in(&Flags::default(), &environment).unwrap();
    assert_eq!(config.exposed_admin_token().as_deref(), Some("from-a-file"));
    let layers = Layers::read(&Flags::default(), &environment).unwrap();
    for shown in [
        format!("{config:?}"),
        format!("{layers:?}"),
        format!("{:?}", layers.get("admin-token").unwrap().shown()),
    ] {
        assert!(!shown.contains("from-a-file"), "{shown}");
    }
    let both = |name: &str| name.starts_with("WATCHFIRE_ADMIN_TOKEN").then(|| path.display().to_string());
    let error = Config::load_in(&Flags::default(), &both).unwrap_err();
    assert!(error.to_string().contains("both set"), "{error}");
    let short = |name: &str| (name == "WATCHFIRE_ADMIN_TOKEN").then(|| "1234567".to_owned());
    let error = Config::load_in(&Flags::default(), &short).unwrap_err();
    assert_eq!(
        error.to_string(),
        "admin-token (from WATCHFIRE_ADMIN_TOKEN): must have 8 characters or more"
    );
}

#[test]
fn a_password_in_a_url_is_masked() {
    let given = flags(&[("database", "postgres://watch:hunter2@db/watchfire")]);
    let layers = Layers::read(&given, &|_| None).unwrap();
    assert_eq!(
        layers.get("database").unwrap().shown(),
        ["postgres://watch:********@db/watchfire"]
    );
    let config = Config::read(&layers).unwrap();
    assert!(config.postgres.is_some() && !format!("{config:?}").contains("hunter2"));
}

/// Architecture section 4.
#[test]
fn every_address_needs_a_public_url_outside_dev() {
    assert!(refusal(&[("listen", "0.0.0.0:8080")]).contains("--public-url"));
    assert!(refusal(&[("listen", "[::]:8080")]).contains("--public-url"));
    let dev = load(&[("listen", "0.0.0.0:8080"), ("dev", "true")]).unwrap();
    assert_eq!(dev.org_url(dev.listen), "http://localhost:8080");
    let named = load(&[("listen", "0.0.0.0:8080"), ("public-url", "https://risk.example.com/")]).unwrap();
    assert_eq!(named.org_url(named.listen), "https://risk.example.com");
    let plain = load(&[]).unwrap();
    assert_eq!(plain.org_url("127.0.0.1:4711".parse().unwrap()), "http://127.0.0.1:4711");
}

#[test]
fn an_org_url_has_a_host_and_nothing_behind_it() {
    for url in [
        "risk.example.com",
        "ftp://risk.example.com",
        "https://risk.example.com/path",
        "https://risk.example.com?x=1",
        "https://a:b@risk.example.com",
        "\"https://risk.example.com\"",
        "https://demo-admin.example.com",
    ] {
        assert!(
            refusal(&[("public-url", url)]).starts_with("public-url (from flag): "),
            "{url}"
        );
    }
}

#[test]
fn values_that_no_setting_can_have_are_refused() {
    for (name, value) in [
        ("listen", "localhost"),
        ("dev", "yes"),
        ("trusted-proxy", "10.0.0.0/99"),
        ("outbound-allow", "10.0.0.0/8"),
        ("risk-calls-per-minute", "-1"),
        ("command-queue", "0"),
        ("body-timeout", "20"),
        ("purge-interval", "0s"),
        ("max-body-size", "1MB"),
        ("shutdown-deadline", "11s"),
        ("log-format", "xml"),
        ("database", "mysql://x"),
        ("database", "sqlite:"),
        ("tls-cert", "cert.pem"),
    ] {
        let _ = refusal(&[(name, value)]);
    }
    let config = load(&[("database", "sqlite:///var/lib/watchfire")]).unwrap();
    assert_eq!(config.data_dir, PathBuf::from("/var/lib/watchfire"));
}

#[test]
fn the_reference_names_every_setting_once() {
    let page = reference::markdown();
    for setting in table::settings() {
        assert_eq!(
            page.matches(&format!("`{}`", setting.variable())).count(),
            1,
            "{}",
            setting.name
        );
    }
}

/// Each limit has its name, and what is given under it arrives.
#[test]
fn every_limit_of_tokens_and_streams_can_be_set() {
    let shown = |pairs: &[(&'static str, &str)]| {
        let settings = load(pairs).unwrap().settings("http://x");
        let hooks = settings.delivery.hook_quota;
        format!(
            "{:#?} {:#?} {:#?} {hooks:#?}",
            settings.sets, settings.streams, settings.event_keys
        )
    };
    let defaults = shown(&[]);
    let names = table::settings().filter(|setting| {
        let is_of = |beginning: &str| setting.name.starts_with(beginning);
        is_of("stream-") || is_of("set-") || is_of("event-keys-") || is_of("event-hook-") || setting.name == "max-set-size"
    });
    let mut count = 0;
    for setting in names {
        let value = match setting.form {
            "TIME" => "1500ms",
            "SIZE" => "12345",
            _ => "12345",
        };
        let changed = shown(&[(setting.name, value)]);
        let lines = changed.lines().zip(defaults.lines()).filter(|(one, other)| one != other);
        assert_eq!(lines.count(), 1, "{}: {changed}", setting.name);
        count += 1;
    }
    assert_eq!(count, 25);
    for (name, value) in [
        ("stream-last-words", "3s"),
        ("stream-backoff-cap", "10ms"),
        ("stream-poll-events", "0"),
        ("stream-call-timeout", "0s"),
        ("set-verifications", "0"),
    ] {
        let _ = refusal(&[(name, value)]);
    }
}
