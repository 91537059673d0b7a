//! Random draws, each the same call on the same stream of numbers as torchvision's.

use crate::data::sample_generator;
use crate::random::Generator;
use crate::{Error, Result};

/// The generator of the sample that is being read.
pub(super) struct Draws {
    pub(super) generator: Generator,
}

impl Draws {
    pub(super) fn new() -> Draws {
        Draws { generator: sample_generator() }
    }

    /// `torch.empty(1).uniform_(low, high)`.
    pub(super) fn uniform(&self, op: &'static str, [low, high]: [f64; 2]) -> Result<f64> {
        let mut number = [0.0f32];
        self.generator.uniform(&mut number, low, high).map_err(|message| Error::value(op, message))?;
        Ok(number[0].into())
    }

    /// `torch.rand(1)`.
    pub(super) fn unit(&self) -> f32 {
        let mut number = [0.0f32];
        self.generator.uniform(&mut number, 0.0, 1.0).expect("a valid range");
        number[0]
    }

    /// `torch.rand(1) < p`, compared in float32.
    pub(super) fn chance(&self, p: f64) -> bool {
        self.unit() < p as f32
    }

    /// `torch.rand(1).item() < p`, compared in float64.
    pub(super) fn chance_f64(&self, p: f64) -> bool {
        f64::from(self.unit()) < p
    }

    /// `torch.randint(0, end, (1,))` of a positive end.
    pub(super) fn below(&self, end: usize) -> usize {
        let mut number = [0i64];
        self.generator.randint(&mut number, 0, end as i64).expect("a positive end");
        number[0] as usize
    }
}
