//! Arguments for shapes, dimensions and ranges of indices.

use super::Layout;
use crate::{Error, Result};
use rushlight_kernels::MAX_RANK;
use std::ops::{Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};

/// A Rust integer that can be a size, a dimension, an index or a bound.
pub trait Integer: Copy {
    /// The value, saturated at `i64::MAX`.
    fn to_i64(self) -> i64;
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl Integer for $type {
            #[inline]
            fn to_i64(self) -> i64 {
                i64::try_from(self).unwrap_or(i64::MAX)
            }
        }
    )*};
}
integers!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);

/// A list of sizes or dimensions as an argument: `[2, 3]`, `&shape`, `vec![…]`, a single number, a tuple such as `(n, -1)`, whose
/// members may have different types, or `()` for an empty list.
///
/// Negative numbers mean the same as in PyTorch: `-1` is the size to infer in `view`, or the last dimension in `sum_dim`.
///
/// ```
/// use rushlight::Tensor;
/// let n: usize = 2;
/// assert_eq!(Tensor::zeros([2, 3, 4]).view((n, -1)).shape(), [2, 12]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Dims {
    values: [isize; MAX_RANK],
    len: usize,
}

impl Dims {
    fn collect(len: usize, values: impl Iterator<Item = isize>) -> Dims {
        let mut dims = Dims { values: [0; MAX_RANK], len };
        for (place, value) in dims.values.iter_mut().zip(values) {
            *place = value;
        }
        dims
    }

    /// The numbers as passed.
    pub(crate) fn list(&self, op: &'static str) -> Result<&[isize]> {
        if self.len > MAX_RANK {
            return Err(Error::shape(op, format!("expected at most {MAX_RANK} dimensions, got {}", self.len)));
        }
        Ok(&self.values[..self.len])
    }

    /// A row-major layout with these sizes.
    pub(crate) fn layout(&self, op: &'static str) -> Result<Layout> {
        let mut sizes = [0; MAX_RANK];
        let list = self.list(op)?;
        for (size, &given) in sizes.iter_mut().zip(list) {
            *size = usize::try_from(given)
                .map_err(|_| Error::shape(op, format!("expected sizes that are not negative, got shape {list:?}")))?;
        }
        Layout::contiguous(&sizes[..list.len()]).checked(op)
    }

    /// Sizes of which one may be -1, to be inferred from the number of elements.
    pub(crate) fn infer(&self, op: &'static str, numel: usize) -> Result<Layout> {
        let list = self.list(op)?;
        let Some(hole) = list.iter().position(|&size| size == -1) else {
            let layout = self.layout(op)?;
            return if layout.numel() == numel { Ok(layout) } else { Err(invalid_view(op, list, numel)) };
        };
        if list[hole + 1..].contains(&-1) {
            return Err(Error::shape(op, format!("expected at most one size to infer (-1), got shape {list:?}")));
        }
        let mut filled = *self;
        filled.values[hole] = 1;
        let rest = filled.layout(op)?.numel();
        if rest == 0 || !numel.is_multiple_of(rest) {
            return Err(invalid_view(op, list, numel));
        }
        filled.values[hole] = (numel / rest) as isize;
        filled.layout(op)
    }

    /// A mask of the named dimensions of a tensor of rank `rank`.
    pub(crate) fn mask(&self, op: &'static str, rank: usize) -> Result<[bool; MAX_RANK]> {
        let mut mask = [false; MAX_RANK];
        for &dim in self.list(op)? {
            let dim = wrap_dim(op, dim, rank)?;
            if mask.get(dim).copied().unwrap_or(false) {
                return Err(Error::index(
                    op,
                    format!("expected each dimension at most once, got {dim} twice in {:?}", self.list(op)?),
                ));
            }
            mask[dim] = true;
        }
        Ok(mask)
    }
}

fn invalid_view(op: &'static str, list: &[isize], numel: usize) -> Error {
    Error::shape(op, format!("expected a shape for {numel} elements, got {list:?}"))
}

/// The index of dimension `dim`, which counts from the end when negative. A 0-d tensor takes 0 and -1.
#[inline]
pub(crate) fn wrap_dim(op: &'static str, dim: isize, rank: usize) -> Result<usize> {
    let range = rank.max(1) as isize;
    if dim < -range || dim >= range {
        return Err(Error::index(
            op,
            format!(
                "expected a dimension from {} to {} for a tensor with {rank} dimensions, got dimension {dim}",
                -range,
                range - 1
            ),
        ));
    }
    Ok(if dim < 0 { dim + range } else { dim } as usize)
}

impl<T: Integer> From<T> for Dims {
    #[inline]
    fn from(value: T) -> Dims {
        Dims::collect(1, std::iter::once(value.to_i64() as isize))
    }
}

impl<T: Integer> From<&[T]> for Dims {
    #[inline]
    fn from(values: &[T]) -> Dims {
        Dims::collect(values.len(), values.iter().map(|&value| value.to_i64() as isize))
    }
}

impl<T: Integer, const N: usize> From<[T; N]> for Dims {
    #[inline]
    fn from(values: [T; N]) -> Dims {
        Dims::from(&values[..])
    }
}

impl<T: Integer, const N: usize> From<&[T; N]> for Dims {
    #[inline]
    fn from(values: &[T; N]) -> Dims {
        Dims::from(&values[..])
    }
}

impl<T: Integer> From<Vec<T>> for Dims {
    fn from(values: Vec<T>) -> Dims {
        Dims::from(&values[..])
    }
}

impl<T: Integer> From<&Vec<T>> for Dims {
    fn from(values: &Vec<T>) -> Dims {
        Dims::from(&values[..])
    }
}

impl From<()> for Dims {
    fn from((): ()) -> Dims {
        Dims::collect(0, std::iter::empty())
    }
}

macro_rules! dims_from_tuples {
    ($(($($type:ident $value:ident),*),)*) => {$(
        impl<$($type: Integer),*> From<($($type,)*)> for Dims {
            #[inline]
            fn from(($($value,)*): ($($type,)*)) -> Dims {
                Dims::from([$($value.to_i64()),*])
            }
        }
    )*};
}
dims_from_tuples!(
    (A a),
    (A a, B b),
    (A a, B b, C c),
    (A a, B b, C c, D d),
    (A a, B b, C c, D d, E e),
    (A a, B b, C c, D d, E e, F f),
    (A a, B b, C c, D d, E e, F f, G g),
    (A a, B b, C c, D d, E e, F f, G g, H h),
);

/// The dimensions of a reduction: anything that converts into [`Dims`], or [`keepdim`] of it.
#[derive(Clone, Copy, Debug)]
pub struct ReduceDims {
    pub(crate) dims: Dims,
    pub(crate) keepdim: bool,
}

impl<T: Into<Dims>> From<T> for ReduceDims {
    #[inline]
    fn from(dims: T) -> ReduceDims {
        ReduceDims { dims: dims.into(), keepdim: false }
    }
}

/// Dimensions that a reduction keeps with size 1: PyTorch's `keepdim=True`.
///
/// ```
/// use rushlight::{Tensor, keepdim};
/// let x = Tensor::from([[1.0f32, 2.0], [3.0, 5.0]]);
/// assert_eq!(x.sum_dim(keepdim(1)).shape(), [2, 1]);
/// assert_eq!((&x / x.sum_dim(keepdim(0))).to_string(), "tensor([[0.2500, 0.2857],\n        [0.7500, 0.7143]])");
/// ```
pub fn keepdim(dims: impl Into<Dims>) -> ReduceDims {
    ReduceDims { dims: dims.into(), keepdim: true }
}

/// A range of indices or dimensions, such as `2..`, `..-1` or `1..3`. Negative bounds count from the end. A pair is a range, too: `(1, -1)`
/// is `1..-1`, which clippy takes for an empty range.
#[derive(Clone, Copy, Debug)]
pub struct IndexRange {
    start: Option<isize>,
    /// The first index that is not part of the range.
    end: Option<isize>,
}

impl IndexRange {
    /// The first index and the one after the last, clamped to `0..=size` as in Python.
    pub(crate) fn clamped(self, size: usize) -> (usize, usize) {
        let size = size as isize;
        let bound = |bound: isize| (if bound < 0 { bound.saturating_add(size) } else { bound }).clamp(0, size) as usize;
        (bound(self.start.unwrap_or(0)), bound(self.end.unwrap_or(size)))
    }

    /// The first and the last dimension of a range of dimensions of a tensor of rank `rank`.
    pub(crate) fn dims(self, op: &'static str, rank: usize) -> Result<(usize, usize)> {
        let first = wrap_dim(op, self.start.unwrap_or(0), rank)?;
        let last = wrap_dim(op, self.end.map_or(-1, |end| if end == 0 { isize::MIN } else { end - 1 }), rank)?;
        if first <= last {
            return Ok((first, last));
        }
        Err(Error::index(op, format!("expected a range of at least 1 dimension, got dimensions {first} to {last}")))
    }
}

/// The index after `last`; `None` where `last` is -1, the last of all.
fn after(last: i64) -> Option<isize> {
    (last != -1).then(|| last.saturating_add(1) as isize)
}

impl From<RangeFull> for IndexRange {
    fn from(_: RangeFull) -> IndexRange {
        IndexRange { start: None, end: None }
    }
}

impl<T: Integer> From<Range<T>> for IndexRange {
    fn from(range: Range<T>) -> IndexRange {
        IndexRange { start: Some(range.start.to_i64() as isize), end: Some(range.end.to_i64() as isize) }
    }
}

impl<A: Integer, B: Integer> From<(A, B)> for IndexRange {
    fn from((start, end): (A, B)) -> IndexRange {
        IndexRange { start: Some(start.to_i64() as isize), end: Some(end.to_i64() as isize) }
    }
}

impl<T: Integer> From<RangeInclusive<T>> for IndexRange {
    fn from(range: RangeInclusive<T>) -> IndexRange {
        IndexRange { start: Some(range.start().to_i64() as isize), end: after(range.end().to_i64()) }
    }
}

impl<T: Integer> From<RangeFrom<T>> for IndexRange {
    fn from(range: RangeFrom<T>) -> IndexRange {
        IndexRange { start: Some(range.start.to_i64() as isize), end: None }
    }
}

impl<T: Integer> From<RangeTo<T>> for IndexRange {
    fn from(range: RangeTo<T>) -> IndexRange {
        IndexRange { start: None, end: Some(range.end.to_i64() as isize) }
    }
}

impl<T: Integer> From<RangeToInclusive<T>> for IndexRange {
    fn from(range: RangeToInclusive<T>) -> IndexRange {
        IndexRange { start: None, end: after(range.end.to_i64()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_checked() {
        assert!(Dims::from([-1, 2]).layout("zeros").is_err());
        assert!(Dims::from([usize::MAX, 2]).layout("zeros").is_err());
        assert!(Dims::from([1usize; 9]).layout("zeros").is_err());
        assert_eq!(Dims::from((2usize, -1)).infer("view", 6).unwrap().dims(), &[2, 3]);
        assert!(Dims::from([-1, 0]).infer("view", 0).is_err());
        assert!(Dims::from([0, -2]).mask("sum", 2).is_err());
    }

    #[test]
    fn ranges_of_indices_are_pythons() {
        let clamped = |range: IndexRange| range.clamped(5);
        assert_eq!(clamped((..).into()), (0, 5));
        assert_eq!(clamped((1..3).into()), (1, 3));
        assert_eq!(clamped((-2..).into()), (3, 5));
        assert_eq!(clamped((..-1).into()), (0, 4));
        assert_eq!((clamped((1..=3).into()), clamped((..=-1).into())), ((1, 4), (0, 5)));
        assert_eq!(clamped((-9..9usize as i32).into()), (0, 5));
        assert_eq!((clamped((1, -1).into()), clamped((1usize, -2).into())), ((1, 4), (1, 3)));
    }

    #[test]
    fn ranges_of_dimensions_are_checked() {
        let dims = |range: IndexRange| range.dims("flatten", 3);
        assert_eq!(dims((..).into()).unwrap(), (0, 2));
        assert_eq!(dims((1..).into()).unwrap(), (1, 2));
        assert_eq!((dims((0..2).into()).unwrap(), dims((-2..=-1).into()).unwrap()), ((0, 1), (1, 2)));
        assert!(dims((3..).into()).is_err() && dims((0..5).into()).is_err() && dims((..0).into()).is_err());
    }
}
