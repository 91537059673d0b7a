//! Convolution in one to three dimensions, as implicit matrix multiplication.
//!
//! No patch matrix (im2col) is formed. Images are copied once into scratch memory, with their zero padding, and with
//! the columns that a stride visits made contiguous ([`source`]); then every tap of a kernel is a shift, so the
//! micro-kernel of [`crate::gemm`] reads rows of "patches" as ordinary rows of the image, located through a table of
//! offsets. Outputs are tiles of channels by pixels, in the order in which they are stored ([`correlate`]). The
//! gradient with respect to the input is the same operation, once for each residue of the stride; the gradient with
//! respect to the weight reads the same source with taps as rows ([`weight`]).

mod correlate;
mod depthwise;
mod element;
mod lanes;
mod packed;
mod plan;
mod source;
mod weight;
mod winograd;

#[cfg(test)]
mod tests;

use crate::Activation;
use crate::threads;
pub use element::ConvElement;
use element::{Algorithm, Weight};
pub use packed::PackedWeight;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The shape of a convolution. Spatial sizes are depth, height, width; 2-d convolutions have a leading 1 (padding 0),
/// 1-d convolutions two.
///
/// Arrays are contiguous: input `[batch, in_channels, ..input]`, weight `[out_channels, in_channels / groups, ..kernel]`,
/// output `[batch, out_channels, ..output()]`.
///
/// ```
/// use rushlight_kernels::conv::ConvShape;
/// let shape = ConvShape::conv2d(8, 3, 64, [224, 224], [7, 7]).with_stride([2, 2]).with_padding([3, 3]);
/// assert_eq!(shape.output(), [1, 112, 112]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConvShape {
    /// The number of images.
    pub batch: usize,
    /// The number of input channels.
    pub in_channels: usize,
    /// The number of output channels.
    pub out_channels: usize,
    /// The number of groups of channels, which are convolved independently.
    pub groups: usize,
    /// The size of the input.
    pub input: [usize; 3],
    /// The size of the kernel.
    pub kernel: [usize; 3],
    /// The number of input elements from one output element to the next.
    pub stride: [usize; 3],
    /// The number of zeros before the input.
    pub padding: [usize; 3],
    /// The number of zeros after the input.
    pub padding_end: [usize; 3],
    /// The number of input elements from one tap of the kernel to the next.
    pub dilation: [usize; 3],
}

impl ConvShape {
    /// A 2-d convolution of stride 1 without padding.
    pub fn conv2d(
        batch: usize,
        in_channels: usize,
        out_channels: usize,
        input: [usize; 2],
        kernel: [usize; 2],
    ) -> Self {
        Self {
            batch,
            in_channels,
            out_channels,
            groups: 1,
            input: [1, input[0], input[1]],
            kernel: [1, kernel[0], kernel[1]],
            stride: [1; 3],
            padding: [0; 3],
            padding_end: [0; 3],
            dilation: [1; 3],
        }
    }

    /// Sets the stride along height and width.
    pub fn with_stride(self, stride: [usize; 2]) -> Self {
        Self { stride: [1, stride[0], stride[1]], ..self }
    }

    /// Sets the padding along height and width, the same before and after.
    pub fn with_padding(self, padding: [usize; 2]) -> Self {
        self.with_padding_of(padding, padding)
    }

    /// Sets the padding before and after, along height and width.
    pub fn with_padding_of(self, before: [usize; 2], after: [usize; 2]) -> Self {
        Self { padding: [0, before[0], before[1]], padding_end: [0, after[0], after[1]], ..self }
    }

    /// Sets the dilation along height and width.
    pub fn with_dilation(self, dilation: [usize; 2]) -> Self {
        Self { dilation: [1, dilation[0], dilation[1]], ..self }
    }

    /// Sets the number of groups.
    pub fn with_groups(self, groups: usize) -> Self {
        Self { groups, ..self }
    }

    /// The size of the output: `(input + padding + padding_end - dilation * (kernel - 1) - 1) / stride + 1`, 0 where the kernel
    /// does not fit.
    pub fn output(&self) -> [usize; 3] {
        std::array::from_fn(|i| {
            let padded = self.input[i] + self.padding[i] + self.padding_end[i];
            let reach = self.dilation[i] * (self.kernel[i] - 1) + 1;
            if padded < reach { 0 } else { (padded - reach) / self.stride[i] + 1 }
        })
    }

    /// Number of elements of the input.
    pub fn input_len(&self) -> usize {
        self.batch * self.in_channels * volume(self.input)
    }

    /// Number of elements of the weight.
    pub fn weight_len(&self) -> usize {
        self.out_channels * self.in_group() * volume(self.kernel)
    }

    /// Number of elements of the output.
    pub fn output_len(&self) -> usize {
        self.batch * self.out_channels * volume(self.output())
    }

    /// Input channels per group.
    fn in_group(&self) -> usize {
        self.in_channels / self.groups
    }

    /// Output channels per group.
    fn out_group(&self) -> usize {
        self.out_channels / self.groups
    }

    #[track_caller]
    fn check(&self, what: &str, x: usize, w: usize, out: usize) {
        assert!(
            self.groups > 0
                && self.in_channels.is_multiple_of(self.groups)
                && self.out_channels.is_multiple_of(self.groups),
            "{what}: expected channels divisible by the groups, got {} input and {} output channels in {} groups",
            self.in_channels,
            self.out_channels,
            self.groups
        );
        let positive = |a: [usize; 3]| a.iter().all(|&x| x > 0);
        assert!(
            positive(self.kernel) && positive(self.stride) && positive(self.dilation),
            "{what}: expected a positive kernel, stride and dilation, got {:?}, {:?} and {:?}",
            self.kernel,
            self.stride,
            self.dilation
        );
        let wanted = [self.input_len(), self.weight_len(), self.output_len()];
        for (name, got, wanted) in [("input", x, wanted[0]), ("weight", w, wanted[1]), ("output", out, wanted[2])] {
            assert!(got == wanted, "{what}: expected {wanted} elements in the {name} of {self:?}, got {got}");
        }
    }
}

static WINOGRAD: AtomicBool = AtomicBool::new(true);

/// Whether 3 by 3 convolutions in f32 may use Winograd's algorithm where it is faster (the default). Its results are
/// within 1e-5 of the largest output element; direct sums are two to three times as accurate.
pub fn set_winograd(on: bool) {
    WINOGRAD.store(on, Relaxed);
}

/// See [`set_winograd`].
pub fn winograd() -> bool {
    WINOGRAD.load(Relaxed)
}

fn volume(size: [usize; 3]) -> usize {
    size.iter().product()
}

/// Calls `f(0)` to `f(tasks - 1)`, on several threads if there is enough work.
fn tasks(tasks: usize, multiply_adds: usize, f: impl Fn(usize) + Sync) {
    if multiply_adds < crate::gemm::PARALLEL_MULTIPLY_ADDS || threads::num_threads() == 1 {
        (0..tasks).for_each(f)
    } else {
        threads::parallel_tasks(tasks, f)
    }
}

/// A pointer that tasks on several threads share, each for its own elements.
struct Shared<T>(*mut T);
impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Shared<T> {}
// SAFETY: the elements are `Send + Sync`, and tasks write disjoint ones.
unsafe impl<T: Send + Sync> Sync for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Send for Shared<T> {}
impl<T> Shared<T> {
    fn get(self) -> *mut T {
        self.0
    }
}

/// `out = act(x ⋆ w + bias)`: cross-correlation, as `torch.nn.functional.conv2d`. `bias` has one element per output
/// channel.
///
/// # Panics
/// If a slice's length does not match the shape.
#[track_caller]
pub fn forward<T: ConvElement>(
    s: &ConvShape,
    x: &[T],
    w: &[T],
    bias: Option<&[T]>,
    activation: Activation,
    out: &mut [T],
) {
    s.check("conv", x.len(), w.len(), out.len());
    forward_with(s, T::best(s), x, Weight::Plain(w), bias, activation, out);
}

/// [`forward`] with a prepacked weight.
///
/// # Panics
/// If the weight [does not fit](PackedWeight::fits), or a slice's length does not match the shape.
#[track_caller]
pub fn forward_packed<T: ConvElement>(
    s: &ConvShape,
    x: &[T],
    w: &PackedWeight<T>,
    bias: Option<&[T]>,
    activation: Activation,
    out: &mut [T],
) {
    s.check("conv", x.len(), s.weight_len(), out.len());
    assert!(w.fits(s), "conv: a weight packed for {:?} does not fit {s:?}", w.shape());
    forward_with(s, w.algorithm(), x, w.weight(), bias, activation, out);
}

#[track_caller]
fn forward_with<T: ConvElement>(
    s: &ConvShape,
    algorithm: Algorithm,
    x: &[T],
    w: Weight<'_, T>,
    bias: Option<&[T]>,
    activation: Activation,
    out: &mut [T],
) {
    if let Some(bias) = bias {
        let (want, got) = (s.out_channels, bias.len());
        assert!(got == want, "conv: expected a bias for {want} output channels, got {got} values");
    }
    if !out.is_empty() {
        T::forward(s, algorithm, x, w, bias, activation, out);
    }
}

/// The gradient of [`forward`] with respect to its input; also the forward pass of a transposed convolution, whose
/// output is then `grad_x`. Input elements that no output depends on get 0.
///
/// # Panics
/// If a slice's length does not match the shape.
#[track_caller]
pub fn backward_input<T: ConvElement>(s: &ConvShape, grad_out: &[T], w: &[T], grad_x: &mut [T]) {
    s.check("conv backward_input", grad_x.len(), w.len(), grad_out.len());
    if grad_out.is_empty() {
        grad_x.fill(T::default());
    } else if !grad_x.is_empty() {
        T::backward_input(s, grad_out, w, grad_x);
    }
}

/// The gradient of [`forward`] with respect to its weight.
///
/// # Panics
/// If a slice's length does not match the shape.
#[track_caller]
pub fn backward_weight<T: ConvElement>(s: &ConvShape, x: &[T], grad_out: &[T], grad_w: &mut [T]) {
    s.check("conv backward_weight", x.len(), grad_w.len(), grad_out.len());
    if grad_out.is_empty() {
        grad_w.fill(T::default());
    } else if !grad_w.is_empty() {
        T::backward_weight(s, x, grad_out, grad_w);
    }
}
