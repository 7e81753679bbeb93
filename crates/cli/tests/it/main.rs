//! The binary, from outside: arguments in, parsed output and exit codes out; real processes, real
//! sockets, real files.

mod configuration;
mod crash;
mod guides;
mod keys;
mod program;
mod references;
mod server;
