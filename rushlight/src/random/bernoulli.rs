//! Bernoulli trials and dropout.

use super::element::{Element, Float};
use super::generator::Generator;
use super::mt19937::unit_f64;

impl Generator {
    /// Fills `out` with ones of probability `p` and zeros, as `out.bernoulli_(p)`.
    ///
    /// # Errors
    /// If `p` is not in [0, 1].
    pub fn bernoulli<T: Element>(&self, out: &mut [T], p: f64) -> Result<(), String> {
        if !(0.0..=1.0).contains(&p) {
            return Err(format!("bernoulli_ expects p to be in [0, 1], but got p={}", p.to_string().to_lowercase()));
        }
        self.choose(out, p, T::from_bool(true), T::from_bool(false));
        Ok(())
    }

    /// Fills `out` with ones of probability `p[i]` and zeros, as `torch.bernoulli(p)` and `out.bernoulli_(p)` with a tensor.
    ///
    /// # Errors
    /// If a probability is not in [0, 1].
    ///
    /// # Panics
    /// If the two slices differ in length.
    pub fn bernoulli_with<T: Element, P: Float>(&self, out: &mut [T], p: &[P]) -> Result<(), String> {
        assert_eq!(out.len(), p.len(), "bernoulli_with: as many probabilities as places");
        if let Some(bad) = p.iter().find(|p| !(0.0..=1.0).contains(&p.to_f64())) {
            return Err(format!("bernoulli expects probabilities in [0, 1], but found {}", bad.to_f64()));
        }
        let engine = &mut self.lock().engine;
        let mut u = [P::from_bool(false); 512];
        for (out, p) in out.chunks_mut(u.len()).zip(p.chunks(u.len())) {
            let u = &mut u[..out.len()];
            P::fill_uniform(engine, u, 0.0, 1.0);
            for ((o, u), p) in out.iter_mut().zip(u).zip(p) {
                *o = T::from_bool(*u < *p);
            }
        }
        Ok(())
    }

    /// Fills `out` with the factors of dropout: 0 with probability `p`, else 1 / (1 - p).
    ///
    /// Nothing is drawn for `p` = 0 (all ones) and `p` = 1 (all zeros), as in `torch.nn.functional.dropout`.
    ///
    /// # Errors
    /// If `p` is not in [0, 1].
    pub fn dropout_noise<T: Float>(&self, out: &mut [T], p: f64) -> Result<(), String> {
        if !(0.0..=1.0).contains(&p) {
            return Err(format!(
                "dropout probability has to be between 0 and 1, but got {}",
                p.to_string().to_lowercase()
            ));
        }
        let (zero, one) = (T::from_bool(false), T::from_bool(true));
        if p == 0.0 {
            out.fill(one);
        } else if p == 1.0 {
            out.fill(zero);
        } else {
            let keep = 1.0 - p;
            self.choose(out, keep, T::reciprocal(keep), zero);
        }
        Ok(())
    }

    /// Fills `out` with `yes` where a float64 uniform number is below `p`, else with `no`.
    fn choose<T: Copy>(&self, out: &mut [T], p: f64, yes: T, no: T) {
        let engine = &mut self.lock().engine;
        // In two steps, each of which vectorizes; in one step, the compiler generates an unpredictable branch.
        let mut u = [0.0; 512];
        for out in out.chunks_mut(u.len()) {
            let u = &mut u[..out.len()];
            engine.fill_u64(u, unit_f64);
            for (o, &u) in out.iter_mut().zip(&*u) {
                *o = if u < p { yes } else { no };
            }
        }
    }
}
