//! Two sums over the same elements in one pass.

use crate::float::Float;

/// Elements side by side.
const LANES: usize = 16;
/// Chunks of lanes combined in the element's type before they reach the sums in f64.
const TREE: usize = 4;

/// Two sums in progress.
pub(crate) struct PairSum {
    lanes: [[f64; LANES]; 2],
}

impl PairSum {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        PairSum { lanes: [[0.0; LANES]; 2] }
    }

    /// Adds `f` of the elements of `rows`, which have the same length. Where the end leaves lanes over, `f` gets `pad`, of
    /// which it makes zeros.
    #[inline(always)]
    pub(crate) fn add<T: Float, const K: usize>(&mut self, rows: [&[T]; K], pad: [T; K], f: impl Fn([T; K]) -> [T; 2]) {
        let mut start = 0;
        let n = rows[0].len();
        let rows = rows.map(|row| &row[..n]);
        let terms = |chunks: [[T; LANES]; K]| -> [[T; LANES]; 2] {
            let mut out = [[T::ZERO; LANES]; 2];
            for l in 0..LANES {
                let [a, b] = f(std::array::from_fn(|k| chunks[k][l]));
                out[0][l] = a;
                out[1][l] = b;
            }
            out
        };
        while start + TREE * LANES <= n {
            let [a, b, c, d]: [[[T; LANES]; 2]; TREE] = std::array::from_fn(|t| {
                let at = start + t * LANES;
                terms(rows.map(|row| *row[at..].first_chunk().unwrap_or(&[T::ZERO; LANES])))
            });
            for s in 0..2 {
                for l in 0..LANES {
                    self.lanes[s][l] += ((a[s][l] + b[s][l]) + (c[s][l] + d[s][l])).wide();
                }
            }
            start += TREE * LANES;
        }
        while start < n {
            let chunks = std::array::from_fn(|k| {
                let rest = &rows[k][start..];
                match rest.first_chunk::<LANES>() {
                    Some(chunk) => *chunk,
                    None => {
                        let mut chunk = [pad[k]; LANES];
                        chunk[..rest.len()].copy_from_slice(rest);
                        chunk
                    }
                }
            });
            let terms = terms(chunks);
            for s in 0..2 {
                for l in 0..LANES {
                    self.lanes[s][l] += terms[s][l].wide();
                }
            }
            start += LANES;
        }
    }

    /// The sums.
    #[inline(always)]
    pub(crate) fn totals(self) -> [f64; 2] {
        self.lanes.map(|mut lanes| {
            let mut width = LANES / 2;
            while width > 0 {
                for l in 0..width {
                    lanes[l] += lanes[l + width];
                }
                width /= 2;
            }
            lanes[0]
        })
    }
}
