//! What the commands share: exit codes.

use std::process::ExitCode;

use crate::config::ConfigError;

/// Something went wrong; the last line on standard error says what. `doctor`: something is amiss.
pub(crate) const FAILED: u8 = 1;
/// The arguments or the settings are wrong; nothing was tried. (clap ends with the same number.)
pub(crate) const USAGE: u8 = 2;
/// A sync failed: what was acknowledged is safe, what was not is unknown. Start again; the journal
/// decides (`EX_TEMPFAIL`).
pub(crate) const SYNC_UNKNOWN: u8 = 75;

/// For the reference: every code and what it means.
pub(crate) const EXIT_CODES: &[(u8, &str)] = &[
    (
        0,
        "It is done. `doctor`: all is well. `jwt verify`, `set decode --jwks`: the token is valid. `set send`: the receiver took it.",
    ),
    (
        FAILED,
        "It failed; the last line on standard error says why. `doctor`: something is amiss. `demo`: a line did not hold. `jwt verify`, `set decode --jwks`: the token is not valid. `set send`: the receiver refused it, or could not be reached.",
    ),
    (USAGE, "The arguments or the settings are wrong; nothing was tried."),
    (
        SYNC_UNKNOWN,
        "`serve`: a sync failed. What was acknowledged is safe, what was not is unknown; start again and the journal decides.",
    ),
];

/// The exit code for an error that a command ends with.
pub(crate) fn exit_code(error: &anyhow::Error) -> ExitCode {
    let wrong_settings = error.chain().any(|cause| cause.is::<ConfigError>() || cause.is::<Misuse>());
    ExitCode::from(if wrong_settings { USAGE } else { FAILED })
}

/// Whether the reader of standard output went away, as `head` does: no failure of ours.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Arguments that do not go together, or a value that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Misuse(pub(crate) String);
