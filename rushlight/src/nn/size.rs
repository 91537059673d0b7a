//! Sizes of windows: one number for both dimensions, or one each.

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

/// A size, step or padding for each of `N` dimensions: `3` is the same for all, `[3, 2]` and `(3, 2)` are one each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes<const N: usize>(pub [usize; N]);

impl<const N: usize> From<usize> for Sizes<N> {
    fn from(size: usize) -> Sizes<N> {
        Sizes([size; N])
    }
}

impl<const N: usize> From<[usize; N]> for Sizes<N> {
    fn from(sizes: [usize; N]) -> Sizes<N> {
        Sizes(sizes)
    }
}

impl From<(usize, usize)> for Sizes<2> {
    fn from((height, width): (usize, usize)) -> Sizes<2> {
        Sizes([height, width])
    }
}

impl From<(usize, usize, usize)> for Sizes<3> {
    fn from((depth, height, width): (usize, usize, usize)) -> Sizes<3> {
        Sizes([depth, height, width])
    }
}

/// As Python prints a tuple: `(3,)` or `(3, 2)`.
impl<const N: usize> fmt::Display for Sizes<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = self.0.map(|size| size.to_string()).join(", ");
        write!(f, "({list}{})", if N == 1 { "," } else { "" })
    }
}
