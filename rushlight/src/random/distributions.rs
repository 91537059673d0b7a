//! Uniform numbers and the distributions made from them one by one.

use std::f64::consts::PI;

use super::element::{Element, Float};
use super::generator::Generator;
use super::mt19937::unit_f64;

impl Generator {
    /// Fills `out` uniformly in [from, to), as `out.uniform_(from..to)`; `torch.rand` is (0, 1).
    ///
    /// # Errors
    /// If `from` > `to`, or a bound or their difference is not finite in the type.
    pub fn uniform<T: Float>(&self, out: &mut [T], from: f64, to: f64) -> Result<(), String> {
        for (name, bound) in [("from", from), ("to", to)] {
            if bound.is_nan() || bound.abs() > T::LARGEST {
                return Err(format!("{name} is out of bounds for {}", T::NAME));
            }
        }
        if from > to {
            return Err(format!("uniform_ expects to return a [from, to) range, but found from={from} > to={to}"));
        }
        if to - from > T::LARGEST {
            return Err(format!(
                "uniform_ expects to-from <= std::numeric_limits<{}>::max(), but found to={to:e} and from={from:e} which result in to-from to exceed the limit",
                T::CAPITAL_NAME
            ));
        }
        T::fill_uniform(&mut self.lock().engine, out, from, to);
        Ok(())
    }

    /// Exponential distribution with rate `lambda`: -ln(1 - u) / lambda, as `out.exponential_(lambda)`.
    ///
    /// # Errors
    /// If `lambda` is not positive.
    pub fn exponential<T: Float>(&self, out: &mut [T], lambda: f64) -> Result<(), String> {
        if lambda.is_nan() || lambda <= 0.0 {
            return Err(format!("exponential_ expects lambda > 0.0, but found lambda={lambda}"));
        }
        let scale = -1.0 / lambda;
        self.map_uniform(out, |u| scale * (-u).ln_1p());
        Ok(())
    }

    /// Geometric distribution, the number of trials up to the first success, as `out.geometric_(p)`.
    ///
    /// # Errors
    /// If `p` is not in (0, 1).
    pub fn geometric<T: Element>(&self, out: &mut [T], p: f64) -> Result<(), String> {
        if !(p > 0.0 && p < 1.0) {
            return Err(format!("geometric_ expects p to be in (0, 1), but got p={p}"));
        }
        let denominator = (-p).ln_1p();
        self.map_uniform(out, |u| (u.ln() / denominator).ceil());
        Ok(())
    }

    /// Cauchy distribution, as `out.cauchy_(median, sigma)`.
    ///
    /// # Errors
    /// If `sigma` is not positive.
    pub fn cauchy<T: Float>(&self, out: &mut [T], median: f64, sigma: f64) -> Result<(), String> {
        if sigma.is_nan() || sigma <= 0.0 {
            return Err(format!("cauchy_ expects sigma > 0.0, but found sigma={sigma}"));
        }
        self.map_uniform(out, |u| sigma.mul_add((PI * (u - 0.5)).tan(), median));
        Ok(())
    }

    /// Fills `out` with the factors of rrelu in training: a uniform number in [lower, upper) where `x <= 0`, else 1, for which nothing is
    /// drawn. The bounds are rounded to the type first.
    ///
    /// # Panics
    /// If the two slices differ in length.
    pub fn rrelu_factors<T: Float>(&self, x: &[T], out: &mut [T], lower: f64, upper: f64) {
        assert_eq!(x.len(), out.len(), "rrelu_factors: as many elements as places");
        let [lower, upper] = [lower, upper].map(|bound| T::from_f64(bound).to_f64());
        let engine = &mut self.lock().engine;
        for (x, out) in x.iter().zip(out) {
            *out = if x.to_f64() <= 0.0 {
                T::from_f64(engine.next_f64() * (upper - lower) + lower)
            } else {
                T::from_bool(true)
            };
        }
    }

    fn map_uniform<T: Element>(&self, out: &mut [T], f: impl Fn(f64) -> f64) {
        self.lock().engine.fill_u64(out, |draw| T::from_f64(f(unit_f64(draw))));
    }
}
