//! Sizes of windows over the spatial dimensions.

use std::fmt;

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
