//! One workload on both sides, in turn.

use crate::child::{Error, Process};
use crate::machine;
use crate::measure::{self, Spread};
use crate::workloads::Workload;

/// How long to measure.
pub(crate) struct Plan {
    /// How often each side takes its turn.
    pub rounds: usize,
    /// Seconds of each turn.
    pub seconds: f64,
}

/// PyTorch in one setting.
#[derive(Debug)]
pub(crate) struct TorchTimes {
    /// Setting and memory layout.
    pub name: String,
    /// Seconds of a step in each round.
    pub seconds: Vec<f64>,
    /// Peak resident memory in bytes.
    pub peak_memory: Option<f64>,
}

/// What the rounds gave.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Rushlight's seconds of a step in each round.
    pub seconds: Vec<f64>,
    /// Peak resident memory of this process in bytes.
    pub peak_memory: Option<f64>,
    /// PyTorch in every setting and layout, as installed first.
    pub torch: Vec<TorchTimes>,
    /// Both sides' numbers of the first step, if they do not agree: then the times mean nothing.
    pub disagreement: Option<(f64, f64)>,
}

impl Outcome {
    /// The setting in which PyTorch is fastest.
    pub(crate) fn best(&self) -> Option<&TorchTimes> {
        self.torch.iter().min_by(|a, b| measure::median(&a.seconds).total_cmp(&measure::median(&b.seconds)))
    }

    /// PyTorch's time over Rushlight's, round by round.
    pub(crate) fn ratio(&self, torch: &TorchTimes) -> Spread {
        let ratios: Vec<f64> = torch.seconds.iter().zip(&self.seconds).map(|(t, r)| t / r).collect();
        Spread::of(&ratios)
    }
}

/// Relative difference of the first step's sum that is still the same computation.
const TOLERANCE: f64 = 1e-3;

/// Builds the workload on both sides, compares the first step, then times in turn.
pub(crate) fn compare(workload: &Workload, children: &mut [Process], plan: &Plan) -> Result<Outcome, Error> {
    machine::reset_peak_memory();
    let mut steps = (workload.make)();
    let ours = steps.check();
    let n = measure::block_length(&mut *steps);
    let mut torch = Vec::new();
    let mut disagreement = None;
    for (i, child) in children.iter_mut().enumerate() {
        if i == 0 && !child.variants(workload.name)?.is_empty() {
            let theirs = child.check(workload.name)?;
            let same = (ours - theirs).abs() <= TOLERANCE * theirs.abs().max(1.0);
            disagreement = (!same).then_some((ours, theirs));
        }
        for variant in child.variants(workload.name)? {
            child.prepare(workload.name, &variant)?;
            let name = if variant == "plain" { child.setting.into() } else { format!("{variant}, {}", child.setting) };
            torch.push((i, variant, TorchTimes { name, seconds: Vec::new(), peak_memory: None }));
        }
    }
    let mut seconds = Vec::new();
    for _ in 0..plan.rounds {
        seconds.push(measure::one_round(&mut *steps, n, plan.seconds));
        for (i, variant, times) in &mut torch {
            times.seconds.push(children[*i].round(workload.name, variant, plan.seconds)?);
        }
    }
    let peak_memory = machine::peak_memory();
    drop(steps);
    for (i, variant, times) in &mut torch {
        times.peak_memory = children[*i].finish(workload.name, variant)?;
    }
    Ok(Outcome { seconds, peak_memory, torch: torch.into_iter().map(|(_, _, t)| t).collect(), disagreement })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_setting_is_the_one_compared_with() {
        let times =
            |name: &str, seconds: &[f64]| TorchTimes { name: name.into(), seconds: seconds.into(), peak_memory: None };
        let outcome = Outcome {
            seconds: vec![1.0, 2.0, 1.0],
            peak_memory: None,
            torch: vec![times("as installed", &[4.0, 5.0, 4.0]), times("mapped memory", &[2.0, 3.0, 3.0])],
            disagreement: None,
        };
        let best = outcome.best().unwrap();
        assert_eq!(best.name, "mapped memory");
        assert_eq!(outcome.ratio(best), Spread { median: 2.0, low: 1.5, high: 3.0 });
    }
}
