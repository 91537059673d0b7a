//! Random number generation with PyTorch's CPU streams.
//!
//! A [`Generator`] is an mt19937 engine with PyTorch's seeding and state record. Its methods fill slices; the number and order of words
//! that each takes from the engine is part of their specification. Integers, uniform numbers, permutations, Bernoulli
//! trials and float32 normal numbers from 16 elements on agree with PyTorch bit for bit on all platforms. Distributions that use
//! `ln`, `sin`, `cos`, `tan` or `exp` of the C library in float64 agree bit for bit where that library is PyTorch's
//! (glibc), and within a unit in the last place elsewhere.

mod bernoulli;
mod distributions;
mod element;
mod gamma;
mod generator;
mod integers;
mod mt19937;
mod multinomial;
mod normal;
mod order;
#[cfg(test)]
mod tests;

pub use element::{Element, Float};
pub use generator::{Generator, default_generator, manual_seed};
pub use order::fill_order;
