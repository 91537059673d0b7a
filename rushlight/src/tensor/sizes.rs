//! Sizes of windows over the spatial dimensions.

use std::fmt;

/// A size, step or padding for each of `N` spatial dimensions: `3` is the same for all, `[3, 2]` and `(3, 2)` are one each.
#[derive(Clone, Copy, Debug)]
pub enum Sizes<const N: usize> {
    /// The same for all dimensions.
    Same(usize),
    /// One for each dimension.
    Each([usize; N]),
}

impl<const N: usize> Sizes<N> {
    /// Returns the size of each dimension.
    pub fn each(self) -> [usize; N] {
        match self {
            Sizes::Same(size) => [size; N],
            Sizes::Each(sizes) => sizes,
        }
    }
}

/// Compares the sizes, whether written as a number or as an array.
impl<const N: usize> PartialEq for Sizes<N> {
    fn eq(&self, other: &Sizes<N>) -> bool {
        self.each() == other.each()
    }
}

impl<const N: usize> Eq for Sizes<N> {}

impl<const N: usize> From<usize> for Sizes<N> {
    fn from(size: usize) -> Sizes<N> {
        Sizes::Same(size)
    }
}

impl<const N: usize> From<[usize; N]> for Sizes<N> {
    fn from(sizes: [usize; N]) -> Sizes<N> {
        Sizes::Each(sizes)
    }
}

impl From<(usize, usize)> for Sizes<2> {
    fn from((height, width): (usize, usize)) -> Sizes<2> {
        Sizes::Each([height, width])
    }
}

impl From<(usize, usize, usize)> for Sizes<3> {
    fn from((depth, height, width): (usize, usize, usize)) -> Sizes<3> {
        Sizes::Each([depth, height, width])
    }
}

/// As Python prints it: `3`, `(3,)` or `(3, 2)`.
impl<const N: usize> fmt::Display for Sizes<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sizes::Same(size) => write!(f, "{size}"),
            Sizes::Each(sizes) => {
                let list = sizes.map(|size| size.to_string()).join(", ");
                write!(f, "({list}{})", if N == 1 { "," } else { "" })
            }
        }
    }
}
