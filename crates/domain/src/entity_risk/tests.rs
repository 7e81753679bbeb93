//! Guards and decisions.
