//! Optimizer steps.

use super::Cpu;
use crate::backend::{Fused, Optimizer, StepRule};
use crate::tensor::{ReadGuard, WriteGuard, each_float};
use rushlight_kernels::optim;

impl Optimizer for Cpu {
    fn optimizer_step(
        &self,
        rule: &StepRule,
        p: &mut WriteGuard<'_>,
        g: &ReadGuard<'_>,
        state: &mut [WriteGuard<'_>],
    ) -> Fused {
        Some(each_float!("optimizer_step", p.dtype(), T => {
            let mut state: Vec<&mut [T]> = state.iter_mut().map(WriteGuard::slice).collect();
            optim::step(rule, p.slice::<T>(), g.slice(), &mut state);
            Ok(())
        }))
    }
}
