//! Decay, levels, transitions.
