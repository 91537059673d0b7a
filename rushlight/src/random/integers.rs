//! Uniform integers and permutations.

use super::element::Element;
use super::generator::Generator;
use super::mt19937::Mt19937;

/// From this number of values on, a draw takes 64 bits, so that the remainder's bias stays small.
const WIDE_RANGE: u64 = 1 << 28;
/// From this length on (2^32 / 20), `randperm` takes 64-bit draws.
const LONG_PERMUTATION: usize = 214_748_364;

impl Generator {
    /// Fills `out` with integers in [low, high), as `torch.randint(low, high, …)` and `out.random_(low..high)`.
    ///
    /// # Errors
    /// If the interval is empty (for floats: has become empty by rounding) or exceeds the type.
    pub fn randint<T: Element>(&self, out: &mut [T], low: i64, high: i64) -> Result<(), String> {
        if low >= high {
            return Err(format!("random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"));
        }
        let (low, high) = match T::SIGNIFICANT_BITS {
            Some(bits) => {
                let (from, to) = shrink::<T>(low, high, bits);
                if from >= to {
                    return Err(format!(
                        "random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, but got from={from} >= to={to}"
                    ));
                }
                (from, to)
            }
            None => (low, high),
        };
        check_bound::<T>("from", low)?;
        check_bound::<T>("to - 1", high - 1)?;
        fill_range(&mut self.lock().engine, out, low, high.wrapping_sub(low) as u64);
        Ok(())
    }

    /// Fills `out` with integers from `low` to the largest value of the type (for floats: 2^24 or 2^53) inclusive, as
    /// `out.random_(low..None)`.
    ///
    /// # Errors
    /// If `low` is not among the values of the type.
    pub fn random_from<T: Element>(&self, out: &mut [T], low: i64) -> Result<(), String> {
        let low = match T::SIGNIFICANT_BITS {
            Some(bits) => {
                let (from, _) = shrink::<T>(low, i64::MAX, bits);
                if from > T::MAX {
                    return Err(format!(
                        "random_ expects 'from' casted to dtype to be less than or equal to 'to_inc' casted to dtype, but got from={from} > to_inc={}",
                        T::MAX
                    ));
                }
                from
            }
            None => low,
        };
        check_bound::<T>("from", low)?;
        let engine = &mut self.lock().engine;
        match (T::MAX.wrapping_sub(low) as u64).checked_add(1) {
            Some(range) => fill_range(engine, out, low, range),
            None => fill_blocks(out, |block| engine.fill_u64(block, |draw| draw as i64)),
        }
        Ok(())
    }

    /// Fills `out` with integers from 0 to the largest value of the type (for floats: 2^24 or 2^53) inclusive, as `out.random_()`.
    pub fn random<T: Element>(&self, out: &mut [T]) {
        let engine = &mut self.lock().engine;
        let range = T::MAX as u64 + 1;
        if range > 1 << 32 {
            fill_range(engine, out, 0, range);
        } else {
            fill_blocks(out, |block| engine.fill_u32(block, |word| (u64::from(word) % range) as i64));
        }
    }

    /// Draws one number as `torch.empty((), dtype=torch.int64).random_()`, the seed of samplers and data loaders.
    pub fn random_i64(&self) -> i64 {
        let mut out = [0];
        self.random(&mut out);
        out[0]
    }

    /// Returns a random permutation of 0..n, as `torch.randperm(n)`.
    pub fn randperm(&self, n: usize) -> Vec<i64> {
        let engine = &mut self.lock().engine;
        let mut r: Vec<i64> = (0..n as i64).collect();
        if n < LONG_PERMUTATION {
            shuffle(engine, &mut r);
        } else {
            shuffle_long(engine, &mut r);
        }
        r
    }
}

/// Fisher-Yates from the front.
fn shuffle(engine: &mut Mt19937, r: &mut [i64]) {
    let mut words = [0u32; 512];
    let (mut i, draws) = (0, r.len().saturating_sub(1));
    while i < draws {
        let count = words.len().min(draws - i);
        let words = &mut words[..count];
        engine.fill_u32(words, |word| word);
        for &mut word in words {
            let rest = (r.len() - i) as u32;
            r.swap(i, i + (word % rest) as usize);
            i += 1;
        }
    }
}

/// The inside-out form of Fisher-Yates.
fn shuffle_long(engine: &mut Mt19937, r: &mut [i64]) {
    for i in 0..r.len() {
        let z = (engine.next_u64() % (i as u64 + 1)) as usize;
        r[i] = r[z];
        r[z] = i as i64;
    }
}

fn fill_range<T: Element>(engine: &mut Mt19937, out: &mut [T], low: i64, range: u64) {
    if range >= WIDE_RANGE {
        fill_blocks(out, |block| fill_wide(engine, block, low, range));
    } else {
        fill_blocks(out, |block| fill_narrow(engine, block, low, range as i32));
    }
}

/// Fills `out` with integers that `draw` writes to a block, so that the loops over the generator's words are compiled for one type.
fn fill_blocks<T: Element>(out: &mut [T], mut draw: impl FnMut(&mut [i64])) {
    let mut block = [0; 256];
    for part in out.chunks_mut(block.len()) {
        let block = &mut block[..part.len()];
        draw(block);
        for (o, &value) in part.iter_mut().zip(&*block) {
            *o = T::from_i64(value);
        }
    }
}

fn fill_wide(engine: &mut Mt19937, out: &mut [i64], low: i64, range: u64) {
    engine.fill_u64(out, |draw| low.wrapping_add((draw % range) as i64));
}

fn fill_narrow(engine: &mut Mt19937, out: &mut [i64], low: i64, range: i32) {
    let inverse = 1.0 / f64::from(range);
    engine.fill_u32(out, |word| {
        // word mod range through the quotient in float64, which is at most one too large: this vectorizes, `%` does not.
        let quotient = (f64::from(word) * inverse) as u32;
        let rest = word.wrapping_sub(quotient.wrapping_mul(range as u32)) as i32;
        let rest = if rest < 0 { rest + range } else { rest };
        let rest = if rest >= range { rest - range } else { rest };
        low.wrapping_add(rest.into())
    });
}

/// Shrinks [from, to) until every integer between them, rounded to `bits` significant bits, stays inside.
fn shrink<T: Element>(from: i64, to: i64, bits: u32) -> (i64, i64) {
    // PyTorch compares after a cast to the type; the wider arithmetic only avoids overflow.
    let round = |value: i64| T::from_i64(value).rounded();
    let spacing = |value: i64| {
        let exponent = value.unsigned_abs().checked_ilog2().unwrap_or(0);
        if exponent < bits { 0 } else { 1i128 << (exponent + 1 - bits) }
    };
    let (last, first) = (to.wrapping_sub(1), from.wrapping_add(1));
    let (up, down) = (round(last), round(first));
    let new_to = if up >= to.into() { up - spacing(last) } else { to.into() };
    let new_from = if down < from.into() { down + spacing(first) } else { from.into() };
    let clamp = |value: i128| value.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
    (clamp(new_from), clamp(new_to))
}

fn check_bound<T: Element>(which: &str, value: i64) -> Result<(), String> {
    if T::holds(value) { Ok(()) } else { Err(format!("{which} is out of bounds for {}", T::NAME)) }
}

/// [`Generator::randperm`]'s form for long permutations, at any length.
#[cfg(test)]
pub(super) fn randperm_long(generator: &Generator, n: usize) -> Vec<i64> {
    let mut r: Vec<i64> = (0..n as i64).collect();
    shuffle_long(&mut generator.lock().engine, &mut r);
    r
}
