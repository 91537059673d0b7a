//! Two sums over the same elements in one pass.

use crate::float::Float;
use crate::lanes::{LANES, read_or, total};

/// Chunks of lanes combined in the element's type before they reach the sums in f64.
const TREE: usize = 4;

/// The two terms of an element, from its values in `K` arrays.
pub(crate) trait Terms<T, const K: usize> {
    fn terms(&self, x: [T; K]) -> [T; 2];
}

/// The deviation from a value, and its square.
pub(crate) struct Deviation<T> {
    pub(crate) from: T,
}
impl<T: Float> Terms<T, 1> for Deviation<T> {
    #[inline(always)]
    fn terms(&self, [x]: [T; 1]) -> [T; 2] {
        let d = x - self.from;
        [d, d * d]
    }
}

/// Two sums in progress.
pub(crate) struct PairSum {
    lanes: [[f64; LANES]; 2],
}

/// The terms of `LANES` elements.
///
/// # Safety
/// If WHOLE, all rows have `at + LANES` elements.
#[inline(always)]
unsafe fn chunk<T: Float, const K: usize, const WHOLE: bool>(
    rows: &[&[T]; K],
    at: usize,
    pad: [T; K],
    f: &impl Terms<T, K>,
) -> [[T; LANES]; 2] {
    let mut chunks = [[T::ZERO; LANES]; K];
    for k in 0..K {
        chunks[k] = if WHOLE {
            // SAFETY: the caller's rows go on for as long.
            unsafe { rows[k].as_ptr().add(at).cast::<[T; LANES]>().read_unaligned() }
        } else {
            read_or(rows[k], at, pad[k])
        };
    }
    let mut out = [[T::ZERO; LANES]; 2];
    for l in 0..LANES {
        let mut x = pad;
        for k in 0..K {
            x[k] = chunks[k][l];
        }
        let [a, b] = f.terms(x);
        out[0][l] = a;
        out[1][l] = b;
    }
    out
}

impl PairSum {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        PairSum { lanes: [[0.0; LANES]; 2] }
    }

    /// Adds the terms of the elements of `rows`, which have the same length. Where the end leaves lanes over, they are filled
    /// with `pad`, of which `f` makes zeros.
    #[inline(always)]
    pub(crate) fn add<T: Float, const K: usize>(&mut self, rows: [&[T]; K], pad: [T; K], f: impl Terms<T, K>) {
        let n = rows[0].len();
        for row in rows {
            assert_eq!(row.len(), n);
        }
        let mut at = 0;
        while at + TREE * LANES <= n {
            // SAFETY: `n` says so.
            let a = unsafe { chunk::<T, K, true>(&rows, at, pad, &f) };
            // SAFETY: `n` says so.
            let b = unsafe { chunk::<T, K, true>(&rows, at + LANES, pad, &f) };
            // SAFETY: `n` says so.
            let c = unsafe { chunk::<T, K, true>(&rows, at + 2 * LANES, pad, &f) };
            // SAFETY: `n` says so.
            let d = unsafe { chunk::<T, K, true>(&rows, at + 3 * LANES, pad, &f) };
            for s in 0..2 {
                for l in 0..LANES {
                    self.lanes[s][l] += ((a[s][l] + b[s][l]) + (c[s][l] + d[s][l])).wide();
                }
            }
            at += TREE * LANES;
        }
        while at + LANES <= n {
            // SAFETY: `n` says so.
            self.add_chunk(unsafe { chunk::<T, K, true>(&rows, at, pad, &f) });
            at += LANES;
        }
        if at < n {
            // SAFETY: not whole.
            self.add_chunk(unsafe { chunk::<T, K, false>(&rows, at, pad, &f) });
        }
    }

    #[inline(always)]
    fn add_chunk<T: Float>(&mut self, terms: [[T; LANES]; 2]) {
        for s in 0..2 {
            for l in 0..LANES {
                self.lanes[s][l] += terms[s][l].wide();
            }
        }
    }

    /// The sums.
    #[inline(always)]
    pub(crate) fn totals(self) -> [f64; 2] {
        [total(self.lanes[0]), total(self.lanes[1])]
    }
}
