//! Steps of optimizers, in the order of operations of the fused ones.

use crate::backend::{Adagrad, Adam, Sgd, StepRule};
use crate::ops::scaled;
use crate::{Result, Tensor};

/// Updates a parameter and the state of its optimizer.
pub(in crate::ops) fn optimizer_step(rule: &StepRule, p: &Tensor, g: &Tensor, state: &[Tensor]) -> Result<()> {
    match (rule, state) {
        (StepRule::Sgd { settings, first }, state) => sgd(settings, *first, p, g, state.first()),
        (StepRule::Adagrad { settings, t }, [sum]) => adagrad(settings, *t, p, g, sum),
        (StepRule::Adagrad { .. }, _) => unreachable!("Adagrad has one sum"),
        (StepRule::Adam { settings, t }, [m, v, largest @ ..]) => adam(settings, *t, p, g, [m, v], largest.first()),
        (StepRule::Adam { .. }, _) => unreachable!("Adam has two averages or three"),
    }
}

fn overwrite(out: &Tensor, new: &Tensor) -> Result<()> {
    out.backend().copy(&new.read("step")?, &mut out.write("step")?)
}

/// The gradient to descend: with its sign and, unless it is 0, a multiple of the parameter.
fn direction(p: &Tensor, g: &Tensor, maximize: bool, weight_decay: f64) -> Result<Tensor> {
    let g = if maximize { g.detach().try_neg()? } else { g.detach() };
    if weight_decay == 0.0 { Ok(g) } else { g.try_add(&scaled(p, weight_decay)?) }
}

fn sgd(settings: &Sgd, first: bool, p: &Tensor, g: &Tensor, buffer: Option<&Tensor>) -> Result<()> {
    let old = p.detach();
    let g = direction(&old, g, settings.maximize, settings.weight_decay)?;
    let step = match buffer {
        None => g,
        Some(buffer) => {
            let new = if first {
                g.clone()
            } else {
                scaled(&buffer.detach(), settings.momentum)?.try_add(&scaled(&g, 1.0 - settings.dampening)?)?
            };
            overwrite(buffer, &new)?;
            if settings.nesterov { g.try_add(&scaled(&new, settings.momentum)?)? } else { new }
        }
    };
    overwrite(p, &old.try_add(&scaled(&step, -settings.lr)?)?)
}

fn adagrad(settings: &Adagrad, t: f64, p: &Tensor, g: &Tensor, sum: &Tensor) -> Result<()> {
    let old = p.detach();
    let g = direction(&old, g, settings.maximize, settings.weight_decay)?;
    overwrite(sum, &sum.detach().try_add(&g.try_mul(&g)?)?)?;
    let root = sum.detach().try_sqrt()?.try_add(settings.eps)?;
    overwrite(p, &old.try_add(&scaled(&g, -settings.decayed_lr(t))?.try_div(&root)?)?)
}

fn adam(settings: &Adam, t: f64, p: &Tensor, g: &Tensor, [m, v]: [&Tensor; 2], largest: Option<&Tensor>) -> Result<()> {
    let Adam { lr, beta1, beta2, eps, weight_decay, decoupled, maximize } = *settings;
    let old = p.detach();
    let g = direction(&old, g, maximize, if decoupled { 0.0 } else { weight_decay })?;
    let old = if decoupled { scaled(&old, 1.0 - lr * weight_decay)? } else { old };
    let mean = m.detach();
    overwrite(m, &mean.try_add(&scaled(&g.try_sub(&mean)?, 1.0 - beta1)?)?)?;
    overwrite(v, &scaled(&v.detach(), beta2)?.try_add(&scaled(&g, 1.0 - beta2)?.try_mul(&g)?)?)?;
    let square = match largest {
        None => v.detach(),
        Some(largest) => {
            overwrite(largest, &largest.detach().try_maximum(v.detach())?)?;
            largest.detach()
        }
    };
    let root = square.try_sqrt()?.try_div((1.0 - beta2.powf(t)).sqrt())?.try_add(eps)?;
    let step = scaled(&m.detach(), -(lr / (1.0 - beta1.powf(t))))?.try_div(&root)?;
    overwrite(p, &old.try_add(&step)?)
}
