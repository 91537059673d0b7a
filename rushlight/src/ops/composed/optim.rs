//! Steps of optimizers, in the order of operations of the fused ones.

use crate::backend::{Adadelta, Adagrad, Adam, Adamax, Asgd, RmsProp, Rprop, Sgd, SparseAdam, StepRule};
use crate::ops::scaled;
use crate::{Result, Tensor};

/// Updates a parameter and the state of its optimizer.
pub(in crate::ops) fn optimizer_step(rule: &StepRule, p: &Tensor, g: &Tensor, state: &[Tensor]) -> Result<()> {
    match (rule, state) {
        (StepRule::Sgd { settings, first }, state) => sgd(settings, *first, p, g, state.first()),
        (StepRule::Asgd { settings }, [average]) => asgd(settings, p, g, average),
        (StepRule::Rprop { settings }, [previous, size]) => rprop(settings, p, g, previous, size),
        (StepRule::Adagrad { settings, t }, [sum]) => adagrad(settings, *t, p, g, sum),
        (StepRule::Adadelta { settings }, [gradients, changes]) => adadelta(settings, p, g, gradients, changes),
        (StepRule::RmsProp { settings }, [square, rest @ ..]) => rmsprop(settings, p, g, square, rest),
        (StepRule::Adam { settings, t }, [m, v, largest @ ..]) => adam(settings, *t, p, g, [m, v], largest.first()),
        (StepRule::Adamax { settings, t }, [m, largest]) => adamax(settings, *t, p, g, m, largest),
        (StepRule::SparseAdam { settings, t }, [m, v]) => sparse_adam(settings, *t, p, g, [m, v]),
        (rule, state) => unreachable!("{rule:?} with {} state tensors", state.len()),
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

/// Moves an average towards `x`.
fn average(mean: &Tensor, x: &Tensor, decay: f64) -> Result<()> {
    let old = mean.detach();
    overwrite(mean, &old.try_add(&scaled(&x.try_sub(&old)?, 1.0 - decay)?)?)
}

/// Moves an average of squares towards the square of `x`.
fn average_square(mean: &Tensor, x: &Tensor, decay: f64) -> Result<()> {
    overwrite(mean, &scaled(&mean.detach(), decay)?.try_add(&scaled(x, 1.0 - decay)?.try_mul(x)?)?)
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

fn asgd(settings: &Asgd, p: &Tensor, g: &Tensor, average: &Tensor) -> Result<()> {
    let Asgd { eta, mu, lambd, weight_decay, maximize } = *settings;
    let old = p.detach();
    let g = direction(&old, g, maximize, weight_decay)?;
    let new = scaled(&old, 1.0 - lambd * eta)?.try_add(&scaled(&g, -eta)?)?;
    overwrite(p, &new)?;
    let before = average.detach();
    overwrite(average, &if mu == 1.0 { new } else { before.try_add(&scaled(&new.try_sub(&before)?, mu)?)? })
}

fn rprop(settings: &Rprop, p: &Tensor, g: &Tensor, previous: &Tensor, size: &Tensor) -> Result<()> {
    let old = p.detach();
    let g = direction(&old, g, settings.maximize, 0.0)?;
    let agreement = g.try_mul(previous)?;
    let [agree, differ] = [agreement.try_gt(0.0)?, agreement.try_lt(0.0)?];
    let before = size.detach();
    let new = scaled(&before, settings.eta_plus)?.try_where_cond(&agree, &before)?;
    let new = scaled(&before, settings.eta_minus)?.try_where_cond(&differ, &new)?;
    overwrite(size, &new.try_clamp(settings.min, settings.max)?)?;
    let g = g.try_masked_fill(&differ, 0.0)?;
    overwrite(previous, &g)?;
    overwrite(p, &old.try_sub(&g.try_sign()?.try_mul(size.detach())?)?)
}

fn adagrad(settings: &Adagrad, t: f64, p: &Tensor, g: &Tensor, sum: &Tensor) -> Result<()> {
    let old = p.detach();
    let g = direction(&old, g, settings.maximize, settings.weight_decay)?;
    overwrite(sum, &sum.detach().try_add(&g.try_mul(&g)?)?)?;
    let root = sum.detach().try_sqrt()?.try_add(settings.eps)?;
    overwrite(p, &old.try_add(&scaled(&g, -settings.decayed_lr(t))?.try_div(&root)?)?)
}

fn adadelta(settings: &Adadelta, p: &Tensor, g: &Tensor, gradients: &Tensor, changes: &Tensor) -> Result<()> {
    let Adadelta { lr, rho, eps, weight_decay, maximize } = *settings;
    let old = p.detach();
    let g = direction(&old, g, maximize, weight_decay)?;
    average_square(gradients, &g, rho)?;
    let root = |average: &Tensor| average.detach().try_add(eps)?.try_sqrt();
    let change = root(changes)?.try_div(&root(gradients)?)?.try_mul(&g)?;
    average_square(changes, &change, rho)?;
    overwrite(p, &old.try_add(&scaled(&change, -lr)?)?)
}

/// `rest` is the momentum buffer, if there is momentum, and the average gradient, if it is centered.
fn rmsprop(settings: &RmsProp, p: &Tensor, g: &Tensor, square: &Tensor, rest: &[Tensor]) -> Result<()> {
    let RmsProp { lr, alpha, eps, weight_decay, momentum, centered, maximize } = *settings;
    let old = p.detach();
    let g = direction(&old, g, maximize, weight_decay)?;
    average_square(square, &g, alpha)?;
    let mut variance = square.detach();
    if let (true, Some(mean)) = (centered, rest.last()) {
        average(mean, &g, alpha)?;
        let mean = mean.detach();
        variance = variance.try_sub(&mean.try_mul(&mean)?)?;
    }
    let root = variance.try_sqrt()?.try_add(eps)?;
    let step = if momentum == 0.0 {
        scaled(&g, -lr)?.try_div(&root)?
    } else {
        overwrite(&rest[0], &scaled(&rest[0].detach(), momentum)?.try_add(&g.try_div(&root)?)?)?;
        scaled(&rest[0].detach(), -lr)?
    };
    overwrite(p, &old.try_add(&step)?)
}

fn adam(settings: &Adam, t: f64, p: &Tensor, g: &Tensor, [m, v]: [&Tensor; 2], largest: Option<&Tensor>) -> Result<()> {
    let Adam { lr, beta1, beta2, eps, weight_decay, decoupled, maximize } = *settings;
    let old = p.detach();
    let g = direction(&old, g, maximize, if decoupled { 0.0 } else { weight_decay })?;
    let old = if decoupled { scaled(&old, 1.0 - lr * weight_decay)? } else { old };
    average(m, &g, beta1)?;
    average_square(v, &g, beta2)?;
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

fn adamax(settings: &Adamax, t: f64, p: &Tensor, g: &Tensor, m: &Tensor, largest: &Tensor) -> Result<()> {
    let old = p.detach();
    let g = direction(&old, g, settings.maximize, settings.weight_decay)?;
    average(m, &g, settings.beta1)?;
    let decayed = scaled(&largest.detach(), settings.beta2)?;
    overwrite(largest, &decayed.try_maximum(g.try_abs()?.try_add(settings.eps)?)?)?;
    let step = scaled(&m.detach(), -settings.corrected_lr(t))?.try_div(largest.detach())?;
    overwrite(p, &old.try_add(&step)?)
}

fn sparse_adam(settings: &SparseAdam, t: f64, p: &Tensor, g: &Tensor, [m, v]: [&Tensor; 2]) -> Result<()> {
    let SparseAdam { beta1, beta2, eps, maximize, .. } = *settings;
    let old = p.detach();
    let g = direction(&old, g, maximize, 0.0)?;
    let [mean, square] = [m.detach(), v.detach()];
    overwrite(m, &mean.try_add(&scaled(&g.try_sub(&mean)?, 1.0 - beta1)?)?)?;
    overwrite(v, &square.try_add(&scaled(&g.try_square()?.try_sub(&square)?, 1.0 - beta2)?)?)?;
    let step = m.detach().try_div(&v.detach().try_sqrt()?.try_add(eps)?)?;
    overwrite(p, &old.try_add(&scaled(&step, -settings.corrected_lr(t))?)?)
}
