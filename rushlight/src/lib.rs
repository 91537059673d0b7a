//! Rushlight.
