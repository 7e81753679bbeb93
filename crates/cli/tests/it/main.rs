//! The binary, from outside: arguments in, parsed output and exit codes out; real processes, real
//! sockets, real files.
//!
//! `cfg(test)` tells clippy that what is not itself a test here is for tests, too.

#[cfg(test)]
mod actions;
#[cfg(test)]
mod administration;
#[cfg(test)]
mod backups;
#[cfg(test)]
mod bench;
#[cfg(test)]
mod configuration;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod crash_log_streams;
#[cfg(test)]
mod crash_polls;
#[cfg(test)]
mod crash_sets;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod event_providers;
#[cfg(test)]
mod examination;
#[cfg(test)]
mod explain;
#[cfg(test)]
mod floods;
#[cfg(test)]
mod geo_data;
#[cfg(test)]
mod guides;
#[cfg(test)]
mod key_files;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod migrations;
#[cfg(test)]
mod program;
#[cfg(test)]
mod references;
#[cfg(test)]
mod server;
#[cfg(test)]
mod sets;
#[cfg(test)]
mod shared_signals;
mod simulate;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod transmitter;
