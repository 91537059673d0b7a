//! Steps of optimizers.

use super::Cpu;
use crate::Result;
use crate::backend::{Adam, Optimizer, Sgd};
use crate::tensor::{ReadGuard, WriteGuard, each_float};
use rushlight_kernels::optim::{self, StepRule};

impl Optimizer for Cpu {
    fn sgd(
        &self,
        settings: &Sgd,
        first: bool,
        p: &mut WriteGuard<'_>,
        g: &ReadGuard<'_>,
        buffer: Option<&mut WriteGuard<'_>>,
    ) -> Result<()> {
        each_float!("sgd", p.dtype(), T => {
            let rule = StepRule::Sgd { settings: *settings, first };
            match buffer {
                None => optim::step::<T>(&rule, p.slice(), g.slice(), &mut []),
                Some(buffer) => optim::step::<T>(&rule, p.slice(), g.slice(), &mut [buffer.slice()]),
            }
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
        each_float!("adam", p.dtype(), T => {
            let rule = StepRule::Adam { settings: *settings, t };
            match largest {
                None => optim::step::<T>(&rule, p.slice(), g.slice(), &mut [m.slice(), v.slice()]),
                Some(largest) => {
                    optim::step::<T>(&rule, p.slice(), g.slice(), &mut [m.slice(), v.slice(), largest.slice()]);
                }
            }
            Ok(())
        })
    }
}
