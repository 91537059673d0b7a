//! Steps of optimizers.

use super::{Cpu, each_wide_float};
use crate::Result;
use crate::backend::{Adam, Optimizer, Sgd};
use crate::tensor::{ReadGuard, WriteGuard};
use rushlight_kernels::optim;

impl Optimizer for Cpu {
    fn sgd(
        &self,
        settings: &Sgd,
        first: bool,
        p: &mut WriteGuard<'_>,
        g: &ReadGuard<'_>,
        buffer: Option<&mut WriteGuard<'_>>,
    ) -> Result<()> {
        each_wide_float!("sgd", p.dtype(), T => {
            optim::sgd::<T>(settings, first, p.slice(), g.slice(), buffer.map(WriteGuard::slice));
            Ok(())
        })
    }

    fn adam(
        &self,
        settings: &Adam,
        t: f64,
        p: &mut WriteGuard<'_>,
        g: &ReadGuard<'_>,
        [m, v]: [&mut WriteGuard<'_>; 2],
        largest: Option<&mut WriteGuard<'_>>,
    ) -> Result<()> {
        each_wide_float!("adam", p.dtype(), T => {
            optim::adam::<T>(settings, t, p.slice(), g.slice(), m.slice(), v.slice(), largest.map(WriteGuard::slice));
            Ok(())
        })
    }
}
