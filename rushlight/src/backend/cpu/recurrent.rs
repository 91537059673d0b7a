//! Recurrent layers.

use super::Cpu;
use crate::backend::{Fused, Lstm, Recurrent};
use crate::tensor::{DType, ReadGuard, WriteGuard};
use rushlight_kernels::lstm::{self, Gradients, Results, Weights};

/// Evaluates the expression with `T` as the computed type; `None` for a dtype that is computed in another one.
macro_rules! each_computed {
    ($dtype:expr, $t:ident => $run:expr) => {
        match $dtype {
            DType::F32 => {
                type $t = f32;
                $run
            }
            DType::F64 => {
                type $t = f64;
                $run
            }
            _ => return None,
        }
    };
}

impl Recurrent for Cpu {
    fn lstm(
        &self,
        lstm: &Lstm,
        (hh, hr): (&ReadGuard<'_>, Option<&ReadGuard<'_>>),
        [h0, c0]: [&ReadGuard<'_>; 2],
        gates: &mut WriteGuard<'_>,
        out: &mut WriteGuard<'_>,
        cells: &mut WriteGuard<'_>,
    ) -> Fused {
        each_computed!(hh.dtype(), T => {
            let weights = Weights::<T> { hh: hh.slice(), hr: hr.map(ReadGuard::slice) };
            let (outputs, last) = out.slice().split_at_mut(lstm.rows() * lstm.outputs);
            let results = Results { gates: gates.slice(), outputs, cells: cells.slice(), last };
            lstm::forward(lstm, weights, [h0.slice(), c0.slice()], results);
        });
        Some(Ok(()))
    }

    fn lstm_grad(
        &self,
        lstm: &Lstm,
        (hh, hr): (&ReadGuard<'_>, Option<&ReadGuard<'_>>),
        c0: &ReadGuard<'_>,
        [gates, cells]: [&ReadGuard<'_>; 2],
        [of_gates, of_outputs, of_h0, of_c0]: [&mut WriteGuard<'_>; 4],
    ) -> Fused {
        each_computed!(hh.dtype(), T => {
            let weights = Weights::<T> { hh: hh.slice(), hr: hr.map(ReadGuard::slice) };
            let gradients = Gradients {
                gates: of_gates.slice(),
                outputs: of_outputs.slice(),
                h0: of_h0.slice(),
                c0: of_c0.slice(),
            };
            lstm::backward(lstm, weights, c0.slice(), [gates.slice(), cells.slice()], gradients);
        });
        Some(Ok(()))
    }
}
