//! One workload on both sides, in turn.

use crate::child::{Error, Process};
use crate::machine;
use crate::measure::{self, Spread};
use crate::workloads::Workload;

/// The duration of a measurement.
pub(crate) struct Plan {
    /// Number of rounds.
    pub rounds: usize,
    /// Seconds per round and side.
    pub seconds: f64,
}

/// PyTorch's times in one setting.
#[derive(Debug)]
pub(crate) struct TorchTimes {
    /// Setting and memory layout.
    pub name: String,
    /// Seconds per step in each round.
    pub seconds: Vec<f64>,
    /// Peak resident memory in bytes.
    pub peak_memory: Option<f64>,
}

/// The results of all rounds.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Rushlight's seconds per step in each round.
    pub seconds: Vec<f64>,
    /// Peak resident memory of this process in bytes.
    pub peak_memory: Option<f64>,
    /// PyTorch in every setting and layout, starting with default settings.
    pub torch: Vec<TorchTimes>,
    /// Both sides' sums of the first step, if they do not agree: then the times are meaningless.
    pub disagreement: Option<(f64, f64)>,
}

impl Outcome {
    /// The setting in which PyTorch is fastest.
    pub(crate) fn best(&self) -> Option<&TorchTimes> {
        self.torch.iter().min_by(|a, b| measure::median(&a.seconds).total_cmp(&measure::median(&b.seconds)))
    }

    /// The ratio of PyTorch's time to Rushlight's, round by round.
    pub(crate) fn ratio(&self, torch: &TorchTimes) -> Spread {
        let ratios: Vec<f64> = torch.seconds.iter().zip(&self.seconds).map(|(t, r)| t / r).collect();
        Spread::of(&ratios)
    }
}

/// Maximum relative difference of the sums of the first step.
const TOLERANCE: f64 = 1e-3;

/// Prepares the workload on both sides, compares the first step, then times both in turn.
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
