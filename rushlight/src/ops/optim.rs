//! Optimizer steps: one pass over memory if the device implements the rule, else arithmetic on tensors.

use super::composed;
use crate::backend::StepRule;
use crate::{Result, Tensor};

/// Updates a parameter and the state of its optimizer by a gradient, all contiguous and not recorded.
pub(crate) fn optimizer_step(
    name: &'static str,
    rule: &StepRule,
    p: &Tensor,
    g: &Tensor,
    state: &[Tensor],
) -> Result<()> {
    super::same_device(name, p, g)?;
    let done = {
        let mut slots = state.iter().map(|slot| slot.write(name)).collect::<Result<Vec<_>>>()?;
        p.backend().optimizer_step(rule, &mut p.write(name)?, &g.read(name)?, &mut slots)
    };
    done.unwrap_or_else(|| composed::optimizer_step(rule, p, g, state))
}
