//! The gamma distribution, and the Dirichlet distribution made from it.

use super::generator::{Generator, State};

impl Generator {
    /// Draws a point of the Dirichlet distribution with these parameters, as `torch.distributions.Dirichlet(concentration).sample()`. The
    /// first of two numbers is a draw from the Beta distribution, as `torch.distributions.Beta(a, b).sample()` for `[a, b]`.
    pub fn dirichlet(&self, concentration: &[f32]) -> Vec<f32> {
        let state = &mut *self.lock();
        let gamma: Vec<f64> = concentration.iter().map(|&alpha| state.standard_gamma(alpha.into())).collect();
        let sum: f64 = gamma.iter().sum();
        // Neither 0 nor 1, after rounding, too.
        let inside = |share: f64| (share as f32).clamp(f32::MIN_POSITIVE, 1.0f32.next_down());
        gamma.into_iter().map(|gamma| inside(gamma / sum)).collect()
    }
}

impl State {
    /// A number of the gamma distribution with shape `alpha` and rate 1, by the rejection method of Marsaglia and Tsang (2000). The constants
    /// are those of float32, as in PyTorch.
    fn standard_gamma(&mut self, mut alpha: f64) -> f64 {
        let mut scale = 1.0;
        if alpha < 1.0 {
            if alpha == 0.0 {
                return 0.0;
            }
            scale = (1.0 - self.engine.next_f64()).powf(1.0 / alpha);
            alpha += 1.0;
        }
        let d = alpha - f64::from(1.0f32 / 3.0);
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let (x, y) = loop {
                let x = self.standard_normal();
                let y = 1.0 + c * x;
                if y > 0.0 {
                    break (x, y);
                }
            };
            let v = y * y * y;
            let u = 1.0 - self.engine.next_f64();
            let xx = x * x;
            if u < 1.0 - f64::from(0.0331f32) * xx * xx || u.ln() < 0.5 * xx + d * (1.0 - v + v.ln()) {
                return scale * d * v;
            }
        }
    }
}
