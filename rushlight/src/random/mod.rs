//! Random numbers: PyTorch's CPU streams, number for number.
//!
//! A [`Generator`] is an mt19937 engine with PyTorch's seeding and state record. Its methods fill slices; how many words each
//! takes from the engine, and in which order, is part of what they promise. Integers, uniform numbers, permutations, Bernoulli
//! trials and float32 normal numbers from 16 elements on agree with PyTorch to the last bit everywhere. What passes through
//! `ln`, `sin`, `cos`, `tan` or `exp` of the C library in float64 agrees to the last bit where that library is PyTorch's
//! (glibc), and to a unit in the last place elsewhere.

mod bernoulli;
mod distributions;
mod element;
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
