//! Streams of the System Log to where others keep logs.

use super::{Section, Setting};

pub(super) const SETTINGS: &[Setting] = &[
    Setting::optional(
        Section::Storage,
        "log-stream-dir",
        "PATH",
        "no files",
        "Folder in which log streams of the type FILE have their files, each stream in a folder of its own",
    ),
    Setting::limit(
        "log-stream-page",
        "N",
        "250",
        "Events that a log stream takes out of the System Log at one time",
    ),
    Setting::limit(
        "log-stream-report",
        "TIME",
        "1s",
        "How often a log stream writes down how far it has come: after a crash it sends again what went since",
    ),
    Setting::limit(
        "log-stream-backoff-cap",
        "TIME",
        "60s",
        "The longest pause before a log stream tries a target again that does not take events",
    ),
    Setting::limit(
        "log-stream-timeout",
        "TIME",
        "30s",
        "How long the target of a log stream may take for one call",
    ),
    Setting::limit(
        "log-stream-settle",
        "TIME",
        "10s",
        "How long a connection must stand after syslog messages were written until they count: syslog has no answers",
    ),
    Setting::limit(
        "log-stream-patience",
        "TIME",
        "5m",
        "How long a log stream may send nothing before the System Log says so",
    ),
];
