//! The binary, from outside: real processes, real sockets, real files.

mod guides;
mod server;
