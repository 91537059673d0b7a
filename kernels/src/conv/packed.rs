//! Weights that are packed once and used many times.

use super::{Algorithm, ConvElement, ConvShape, Weight};
use crate::gemm::scratch::Buffer;
use crate::isa::{self, Isa};

/// A weight in the order in which the kernels read it, for [`forward_packed`](super::forward_packed); pays off where a
/// weight stays the same over many calls. The packing depends on the shape that it was packed for (batch and image size
/// decide which algorithm is fastest), but any batch and image size may be convolved with it.
#[derive(Debug)]
pub struct PackedWeight<T> {
    shape: ConvShape,
    isa: Isa,
    algorithm: Algorithm,
    data: Data<T>,
}

#[derive(Debug)]
enum Data<T> {
    /// Packing would gain nothing.
    Plain(Vec<T>),
    Packed(Buffer),
}

impl<T: ConvElement> PackedWeight<T> {
    /// Packs `w` for convolutions like `s`.
    ///
    /// # Panics
    /// If the weight's length does not match the shape.
    #[track_caller]
    pub fn new(s: &ConvShape, w: &[T]) -> Self {
        s.check("conv weight", s.input_len(), w.len(), s.output_len());
        let algorithm = T::best(s);
        let data = T::pack(s, algorithm, w).map_or_else(|| Data::Plain(w.to_vec()), Data::Packed);
        Self { shape: *s, isa: isa::isa(), algorithm, data }
    }

    /// The shape that the weight was packed for.
    pub fn shape(&self) -> &ConvShape {
        &self.shape
    }

    /// Whether the weight can be used for `s` on this thread: channels, groups, kernel and instruction set are the
    /// same, and it was packed for the fastest algorithm for `s`. (So results do not depend on what else the weight was
    /// used for.)
    pub fn fits(&self, s: &ConvShape) -> bool {
        let key = |s: &ConvShape| (s.in_channels, s.out_channels, s.groups, s.kernel);
        key(s) == key(&self.shape) && self.isa == isa::isa() && T::best(s) == self.algorithm
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(super) fn weight(&self) -> Weight<'_, T> {
        match &self.data {
            Data::Plain(w) => Weight::Plain(w),
            Data::Packed(buffer) => Weight::Packed(buffer.as_ptr()),
        }
    }
}
