//! Sizes of windows: one number for both dimensions, or one each.

pub use crate::tensor::Sizes;
use std::fmt;

/// A size, step or padding for height and width: `3` is the same for both, `(3, 2)` and `[3, 2]` are one each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pair {
    /// The same for both.
    Same(usize),
    /// Height and width.
    Each([usize; 2]),
}

impl Pair {
    /// Height and width.
    pub fn both(self) -> [usize; 2] {
        match self {
            Pair::Same(size) => [size; 2],
            Pair::Each(sizes) => sizes,
        }
    }

    /// Written out for both.
    pub(super) fn each(self) -> Pair {
        Pair::Each(self.both())
    }
}

impl From<usize> for Pair {
    fn from(size: usize) -> Pair {
        Pair::Same(size)
    }
}

impl From<(usize, usize)> for Pair {
    fn from((height, width): (usize, usize)) -> Pair {
        Pair::Each([height, width])
    }
}

impl From<[usize; 2]> for Pair {
    fn from(sizes: [usize; 2]) -> Pair {
        Pair::Each(sizes)
    }
}

/// As Python prints it: `3` or `(3, 2)`.
impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pair::Same(size) => write!(f, "{size}"),
            Pair::Each([height, width]) => write!(f, "({height}, {width})"),
        }
    }
}
