//! Against plain loops in f64, on every instruction set, with one and two threads.

use super::*;
use crate::isa::{Isa, with_isa};
use crate::threads::set_num_threads;

fn noise(n: usize, seed: usize) -> Vec<f64> {
    (0..n).map(|i| ((i + 131 * seed) as u64 * 2654435761 % 10007) as f64 / 10007.0 - 0.5).collect()
}

fn lstm(sizes: &[usize], hidden: usize, projection: Option<usize>, reverse: bool) -> Lstm {
    Lstm { hidden, outputs: projection.unwrap_or(hidden), sizes: sizes.into(), reverse }
}

/// The arguments and results of both passes, in their order in [`Results`] and [`Gradients`].
struct Case<T> {
    lstm: Lstm,
    hh: Vec<T>,
    hr: Option<Vec<T>>,
    state: [Vec<T>; 2],
    forward: [Vec<T>; 4],
    backward: [Vec<T>; 4],
}

impl Case<f64> {
    fn new(lstm: Lstm, projected: bool) -> Self {
        let Lstm { hidden, outputs, .. } = lstm;
        let (batch, rows) = (lstm.batch(), lstm.rows());
        Case {
            hh: noise(4 * hidden * outputs, 1),
            hr: projected.then(|| noise(outputs * hidden, 2)),
            state: [noise(batch * outputs, 3), noise(batch * hidden, 4)],
            forward: [
                noise(rows * 4 * hidden, 5),
                noise(rows * outputs, 6),
                noise(rows * hidden, 7),
                noise(batch * hidden, 8),
            ],
            backward: [
                noise(rows * 4 * hidden, 9),
                noise(rows * outputs, 10),
                noise(batch * outputs, 11),
                noise(batch * hidden, 12),
            ],
            lstm,
        }
    }

    /// Both passes by the formulas, one sequence and one number at a time.
    fn expected(mut self) -> Self {
        let Lstm { hidden, outputs, reverse, .. } = self.lstm;
        let sizes = self.lstm.sizes.clone();
        let start = |t: usize| sizes[..t].iter().sum::<usize>();
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        for b in 0..self.lstm.batch() {
            let mut steps: Vec<usize> = (0..sizes.len()).filter(|&t| sizes[t] > b).map(|t| start(t) + b).collect();
            if reverse {
                steps.reverse();
            }
            let mut h = self.state[0][b * outputs..][..outputs].to_vec();
            let mut c = self.state[1][b * hidden..][..hidden].to_vec();
            let mut before = Vec::new();
            for &row in &steps {
                before.push(c.clone());
                let gates = &mut self.forward[0][row * 4 * hidden..][..4 * hidden];
                for (k, gate) in gates.iter_mut().enumerate() {
                    *gate += (0..outputs).map(|p| h[p] * self.hh[k * outputs + p]).sum::<f64>();
                    *gate = if k / hidden == 2 { gate.tanh() } else { sigmoid(*gate) };
                }
                let mut m = vec![0.0; hidden];
                for u in 0..hidden {
                    c[u] = gates[hidden + u] * c[u] + gates[u] * gates[2 * hidden + u];
                    m[u] = gates[3 * hidden + u] * c[u].tanh();
                }
                h = match &self.hr {
                    Some(hr) => (0..outputs).map(|p| (0..hidden).map(|u| m[u] * hr[p * hidden + u]).sum()).collect(),
                    None => m,
                };
                self.forward[1][row * outputs..][..outputs].copy_from_slice(&h);
                self.forward[2][row * hidden..][..hidden].copy_from_slice(&c);
            }
            self.forward[3][b * hidden..][..hidden].copy_from_slice(&c);
            let mut back = vec![0.0; outputs];
            for (&row, before) in steps.iter().zip(before).rev() {
                let [of_gates, of_outputs, _, of_cells] = &mut self.backward;
                let dh = &mut of_outputs[row * outputs..][..outputs];
                dh.iter_mut().zip(&back).for_each(|(dh, back)| *dh += back);
                let dm: Vec<f64> = match &self.hr {
                    Some(hr) => (0..hidden).map(|u| (0..outputs).map(|p| dh[p] * hr[p * hidden + u]).sum()).collect(),
                    None => dh.to_vec(),
                };
                let gates = &self.forward[0][row * 4 * hidden..];
                let of_gates = &mut of_gates[row * 4 * hidden..][..4 * hidden];
                for u in 0..hidden {
                    let [i, f, g, o] = [0, 1, 2, 3].map(|k| gates[k * hidden + u]);
                    let t = self.forward[2][row * hidden + u].tanh();
                    let dc = &mut of_cells[b * hidden + u];
                    *dc += dm[u] * o * (1.0 - t * t);
                    of_gates[u] = *dc * g * i * (1.0 - i);
                    of_gates[hidden + u] = *dc * before[u] * f * (1.0 - f);
                    of_gates[2 * hidden + u] = *dc * i * (1.0 - g * g);
                    of_gates[3 * hidden + u] = dm[u] * t * o * (1.0 - o);
                    *dc *= f;
                }
                back = (0..outputs)
                    .map(|p| (0..4 * hidden).map(|k| of_gates[k] * self.hh[k * outputs + p]).sum())
                    .collect();
            }
            self.backward[2][b * outputs..][..outputs].copy_from_slice(&back);
        }
        self
    }

    fn map<T>(&self, f: impl Fn(f64) -> T) -> Case<T> {
        let all = |x: &Vec<f64>| x.iter().map(|&x| f(x)).collect();
        Case {
            lstm: self.lstm.clone(),
            hh: all(&self.hh),
            hr: self.hr.as_ref().map(all),
            state: self.state.each_ref().map(all),
            forward: self.forward.each_ref().map(all),
            backward: self.backward.each_ref().map(all),
        }
    }
}

impl<T: Element> Case<T> {
    fn run(mut self) -> Self {
        let weights = Weights { hh: &self.hh, hr: self.hr.as_deref() };
        let [gates, outputs, cells, last] = &mut self.forward;
        forward(&self.lstm, weights, [&self.state[0], &self.state[1]], Results { gates, outputs, cells, last });
        let saved = [&self.forward[0][..], &self.forward[2][..]];
        let [gates, outputs, h0, c0] = &mut self.backward;
        backward(&self.lstm, weights, &self.state[1], saved, Gradients { gates, outputs, h0, c0 });
        self
    }
}

fn near<T: Copy>(case: &Case<T>, expected: &Case<f64>, wide: impl Fn(T) -> f64, tolerance: f64) {
    let both = |case: &[Vec<T>; 4], expected: &[Vec<f64>; 4], what: &str| {
        for (i, (found, expected)) in case.iter().zip(expected).enumerate() {
            for (at, (&found, expected)) in found.iter().zip(expected).enumerate() {
                let found = wide(found);
                assert!(
                    (found - expected).abs() <= tolerance * (1.0 + expected.abs()),
                    "{what} {i}, {at}: {found} {expected}"
                );
            }
        }
    };
    both(&case.forward, &expected.forward, "forward");
    both(&case.backward, &expected.backward, "backward");
}

#[test]
fn formulas_on_every_instruction_set() {
    // A step's product is large enough for several threads in the last ones, with many sequences and with few.
    let shapes: [(&[usize], usize, Option<usize>); 9] = [
        (&[1], 1, None),
        (&[3, 3, 3], 5, None),
        (&[3, 2, 2, 1], 17, None),
        (&[4, 1], 20, Some(3)),
        (&[0, 0], 3, None),
        (&[2, 2], 0, None),
        (&[40, 40, 33, 7], 70, None),
        (&[33; 3], 80, Some(70)),
        (&[5, 5, 3], 200, Some(190)),
    ];
    for (sizes, hidden, projection) in shapes {
        for reverse in [false, true] {
            let case = Case::new(lstm(sizes, hidden, projection, reverse), projection.is_some());
            let expected = case.map(|x| x).expected();
            for isa in Isa::available() {
                let run = || {
                    with_isa(isa, || {
                        let single = case.map(|x| x as f32).run();
                        near(&single, &expected, f64::from, 2e-5);
                        near(&case.map(|x| x).run(), &expected, |x| x, 1e-12);
                        single
                    })
                };
                set_num_threads(2);
                let two = run();
                set_num_threads(1);
                let one = run();
                assert!(two.forward == one.forward && two.backward == one.backward, "{sizes:?} {hidden} {isa:?}");
            }
        }
    }
}

#[test]
fn steps_in_order() {
    let step = |start, rows, continued, previous, left| Step { start, rows, continued, previous, left };
    let forward = [step(0, 3, 0, 0, 2), step(3, 2, 2, 0, 1), step(5, 1, 1, 3, 0)];
    assert_eq!(lstm(&[3, 2, 1], 1, None, false).steps(), forward);
    let reverse = [step(5, 1, 0, 0, 1), step(3, 2, 1, 5, 2), step(0, 3, 2, 3, 0)];
    assert_eq!(lstm(&[3, 2, 1], 1, None, true).steps(), reverse);
}

#[test]
#[should_panic(expected = "never increase")]
fn sizes_that_increase_are_refused() {
    Case::new(lstm(&[1, 2], 2, None, false), false).run();
}
