//! Sampling from categories with given weights.

use super::element::Float;
use super::generator::Generator;

impl Generator {
    /// Draws `count` category indices for each row of `weights` (row-major, `categories` to a row), as
    /// `torch.multinomial(weights, count, replacement)`. Returns `count` indices per row, row-major.
    ///
    /// Without replacement, categories of weight 0 are last, in ascending order.
    ///
    /// # Errors
    /// If a weight is negative or not finite, a row does not have a positive weight, or `count` is 0 or more than can be drawn.
    ///
    /// # Panics
    /// If `weights` is not an integer of rows.
    pub fn multinomial<T>(
        &self,
        weights: &[T],
        categories: usize,
        count: usize,
        replacement: bool,
    ) -> Result<Vec<i64>, String>
    where
        T: Float + std::ops::Add<Output = T> + std::ops::Div<Output = T>,
    {
        assert!(
            if categories == 0 { weights.is_empty() } else { weights.len().is_multiple_of(categories) },
            "multinomial: weights must come in rows of {categories}"
        );
        if count == 0 {
            return Err("cannot sample n_sample <= 0 samples".into());
        }
        if count > categories && (!replacement || categories == 0) {
            return Err("cannot sample n_sample > prob_dist.size(-1) samples without replacement".into());
        }
        if weights.iter().any(|w| !(0.0..=T::LARGEST).contains(&w.to_f64())) {
            return Err("probability tensor contains either `inf`, `nan` or element < 0".into());
        }
        let zero = T::from_bool(false);
        let rows = weights.chunks_exact(categories.max(1));
        if rows.clone().any(|row| !row.iter().any(|&w| w > zero)) {
            return Err("invalid multinomial distribution (sum of probabilities <= 0)".into());
        }
        let mut out = Vec::with_capacity(weights.len() / categories.max(1) * count);
        if replacement && count > 1 {
            let mut u = vec![0.0f64; count];
            for row in rows {
                let cumulative = distribution_function(row);
                self.uniform(&mut u, 0.0, 1.0)?;
                out.extend(u.iter().map(|&u| cumulative.partition_point(|c| c.to_f64() < u) as i64));
            }
        } else {
            // The winners of a race of exponential clocks: category i rings first with probability w_i.
            let mut score = vec![zero; weights.len()];
            self.exponential(&mut score, 1.0)?;
            for (s, &w) in score.iter_mut().zip(weights) {
                *s = w / *s;
            }
            for score in score.chunks_exact(categories) {
                let mut order: Vec<usize> = (0..categories).collect();
                // Descending; the lower number first where scores are equal.
                let rank = |&a: &usize, &b: &usize| score[b].to_f64().total_cmp(&score[a].to_f64()).then(a.cmp(&b));
                if count < categories {
                    order.select_nth_unstable_by(count - 1, rank);
                }
                order.truncate(count);
                order.sort_unstable_by(rank);
                out.extend(order.into_iter().map(|i| i as i64));
            }
        }
        Ok(out)
    }
}

/// Running sums of `weights`, each divided by their total.
fn distribution_function<T>(weights: &[T]) -> Vec<T>
where
    T: Float + std::ops::Add<Output = T> + std::ops::Div<Output = T>,
{
    let mut total = T::from_bool(false);
    let mut sums: Vec<T> = weights
        .iter()
        .map(|&w| {
            total = total + w;
            total
        })
        .collect();
    for sum in &mut sums {
        *sum = *sum / total;
    }
    if let Some(last) = sums.last_mut() {
        *last = T::from_bool(true);
    }
    sums
}
