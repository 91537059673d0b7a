//! Initialization of parameters: `torch.nn.init`, with the same numbers from the same seed.
//!
//! The functions fill a tensor or [`Parameter`] in-place, without recording, and return it.
//!
//! ```
//! use rushlight::nn::{Linear, init};
//! let layer = Linear::new(4, 3);
//! init::kaiming_normal_with_(&layer.weight, init::KaimingOptions::new().mode(init::Fan::Out));
//! init::zeros_(layer.bias.as_ref().unwrap());
//! ```

use super::Parameter;
use super::utils::is_skipped;
use crate::ops::UniformRange;
use crate::random::default_generator;
use crate::tensor::{DType, Scalar, TensorOptions};
use crate::{Error, NoGrad, Result, Tensor};
use rushlight_macros::{Builder, op};

/// The number of connections that scales the initial values of a layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fan {
    /// Connections into an output: preserves the variance in the forward pass.
    #[default]
    In,
    /// Connections out of an input: preserves the variance in the backward pass.
    Out,
}

/// The nonlinearity after a layer, for [`calculate_gain`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Nonlinearity {
    /// No nonlinearity.
    Linear,
    /// A convolution.
    Conv,
    /// Sigmoid.
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// Rectified linear unit.
    Relu,
    /// Rectified linear unit with this slope for negative numbers; PyTorch's default is 0.01.
    LeakyRelu(f64),
    /// Scaled exponential linear unit.
    Selu,
}

/// Returns the factor of the initial values of a layer that preserves the variance through the nonlinearity: 1 without one, for
/// convolutions and sigmoid, 5/3 for tanh, √2 for relu, √(2 / (1 + slope²)) for leaky relu, 3/4 for selu. As
/// [`torch.nn.init.calculate_gain`](https://docs.pytorch.org/docs/stable/nn.init.html#torch.nn.init.calculate_gain).
///
/// ```
/// use rushlight::nn::init::{Nonlinearity, calculate_gain};
/// assert_eq!(calculate_gain(Nonlinearity::Relu), 2f64.sqrt());
/// ```
pub fn calculate_gain(nonlinearity: Nonlinearity) -> f64 {
    match nonlinearity {
        Nonlinearity::Linear | Nonlinearity::Conv | Nonlinearity::Sigmoid => 1.0,
        Nonlinearity::Tanh => 5.0 / 3.0,
        Nonlinearity::Relu => 2f64.sqrt(),
        Nonlinearity::LeakyRelu(slope) => (2.0 / (1.0 + slope * slope)).sqrt(),
        Nonlinearity::Selu => 3.0 / 4.0,
    }
}

/// The numbers of connections into an output and out of an input.
fn fans(op: &'static str, tensor: &Tensor) -> Result<[f64; 2]> {
    let &[outputs, inputs, ref window @ ..] = tensor.shape() else {
        return Err(Error::shape(
            op,
            format!("expected a tensor with at least 2 dimensions, got shape {:?}", tensor.shape()),
        ));
    };
    let window: usize = window.iter().product();
    Ok([(inputs * window) as f64, (outputs * window) as f64])
}

/// Fills a tensor with uniform random numbers in a range such as `-0.1..0.1`.
///
/// # Errors
/// If the tensor is not floating-point, a bound is not finite in its dtype, or the end of the range is less than its start.
///
/// ```
/// use rushlight::{Tensor, nn::init};
/// rushlight::manual_seed(0);
/// assert_eq!(init::uniform_(Tensor::zeros([2]), -1.0..1.0).to_string(), "tensor([-0.0075,  0.5364])");
/// ```
#[op(torch = "uniform_(tensor, a=0.0, b=1.0, generator=None)", free)]
pub fn try_uniform_(tensor: impl Into<Tensor>, range: impl Into<UniformRange>) -> Result<Tensor> {
    let (tensor, range) = (tensor.into(), range.into());
    if is_skipped() {
        return Ok(tensor);
    }
    let _guard = NoGrad::new();
    tensor.try_uniform_(range)
}

/// The options of [`normal_`].
#[derive(Builder, Clone, Copy, Debug)]
pub struct NormalOptions {
    /// The mean; default 0.
    mean: f64,
    /// The standard deviation; default 1.
    #[builder(default = 1.0)]
    std: f64,
}

/// Fills a tensor with normal random numbers, by default with mean 0 and standard deviation 1.
///
/// # Errors
/// If the tensor is not floating-point or `std` is negative.
///
/// ```
/// use rushlight::{Tensor, nn::init, nn::init::NormalOptions};
/// rushlight::manual_seed(0);
/// let w = init::normal_with_(Tensor::zeros([2]), NormalOptions::new().std(0.1));
/// assert_eq!(w.to_string(), "tensor([ 0.1541, -0.0293])");
/// ```
#[op(torch = "normal_(tensor, mean=0.0, std=1.0, generator=None)", free, with)]
pub fn try_normal_with_(tensor: impl Into<Tensor>, options: NormalOptions) -> Result<Tensor> {
    normal(tensor.into(), options.mean, options.std)
}

fn normal(tensor: Tensor, mean: f64, std: f64) -> Result<Tensor> {
    if is_skipped() {
        return Ok(tensor);
    }
    let _guard = NoGrad::new();
    tensor.try_normal_(mean, std)
}

/// Fills a tensor with a value.
///
/// # Errors
/// If elements share memory (an expanded tensor), or another thread is using the tensor.
///
/// ```
/// use rushlight::{Tensor, nn::init};
/// assert_eq!(init::constant_(Tensor::zeros([2]), 0.5).to_vec::<f32>(), [0.5, 0.5]);
/// ```
#[op(torch = "constant_(tensor, val)", free)]
pub fn try_constant_(tensor: impl Into<Tensor>, value: impl Into<Scalar>) -> Result<Tensor> {
    let _guard = NoGrad::new();
    tensor.into().try_fill_(value)
}

/// Fills a tensor with ones.
///
/// # Errors
/// As [`try_constant_`].
///
/// ```
/// use rushlight::{Tensor, nn::init};
/// assert_eq!(init::ones_(Tensor::zeros([2])).to_vec::<f32>(), [1.0, 1.0]);
/// ```
#[op(torch = "ones_(tensor)", free)]
pub fn try_ones_(tensor: impl Into<Tensor>) -> Result<Tensor> {
    try_constant_(tensor, 1)
}

/// Fills a tensor with zeros.
///
/// # Errors
/// As [`try_constant_`].
///
/// ```
/// use rushlight::{Tensor, nn::init};
/// assert_eq!(init::zeros_(Tensor::ones([2])).to_vec::<f32>(), [0.0, 0.0]);
/// ```
#[op(torch = "zeros_(tensor)", free)]
pub fn try_zeros_(tensor: impl Into<Tensor>) -> Result<Tensor> {
    try_constant_(tensor, 0)
}

/// The options of [`xavier_uniform_`], [`xavier_normal_`] and [`orthogonal_`].
#[derive(Builder, Clone, Copy, Debug)]
pub struct GainOptions {
    /// A factor for all values, such as that of [`calculate_gain`]; default 1.
    #[builder(default = 1.0)]
    gain: f64,
}

/// Fills a tensor with uniform random numbers in ±`gain` · √(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010).
///
/// # Errors
/// If the tensor has fewer than 2 dimensions or is not floating-point.
///
/// ```
/// use rushlight::{Tensor, nn::init};
/// let w = init::xavier_uniform_(Tensor::zeros([2, 4]));
/// assert!(w.abs().max().item() <= 1.0); // √(6 / (4 + 2))
/// ```
#[op(torch = "xavier_uniform_(tensor, gain=1.0, generator=None)", free, with)]
pub fn try_xavier_uniform_with_(tensor: impl Into<Tensor>, options: GainOptions) -> Result<Tensor> {
    let tensor = tensor.into();
    let bound = 3f64.sqrt() * xavier("xavier_uniform_", &tensor, options.gain)?;
    try_uniform_(tensor, -bound..bound)
}

/// Fills a tensor with normal random numbers of standard deviation `gain` · √(2 / (fan_in + fan_out)) (Glorot and Bengio, 2010).
///
/// # Errors
/// If the tensor has fewer than 2 dimensions or is not floating-point.
///
/// ```
/// use rushlight::{Tensor, nn::init};
/// rushlight::manual_seed(0);
/// let w = init::xavier_normal_(Tensor::zeros([150, 50]));
/// assert!((w.std().item() - 0.1).abs() < 0.005); // √(2 / (50 + 150))
/// ```
#[op(torch = "xavier_normal_(tensor, gain=1.0, generator=None)", free, with)]
pub fn try_xavier_normal_with_(tensor: impl Into<Tensor>, options: GainOptions) -> Result<Tensor> {
    let tensor = tensor.into();
    let std = xavier("xavier_normal_", &tensor, options.gain)?;
    normal(tensor, 0.0, std)
}

fn xavier(op: &'static str, tensor: &Tensor, gain: f64) -> Result<f64> {
    let [fan_in, fan_out] = fans(op, tensor)?;
    Ok(gain * (2.0 / (fan_in + fan_out)).sqrt())
}

/// The options of [`kaiming_uniform_`] and [`kaiming_normal_`].
#[derive(Builder, Clone, Copy, Debug)]
pub struct KaimingOptions {
    /// The number of connections that scales the values; default [`Fan::In`].
    mode: Fan,
    /// The nonlinearity after the layer; default a leaky rectified linear unit with slope 0, that is a rectified linear unit.
    #[builder(default = Nonlinearity::LeakyRelu(0.0))]
    nonlinearity: Nonlinearity,
}

/// Fills a tensor with uniform random numbers in ±gain · √(3 / fan), where the gain is that of the [nonlinearity](calculate_gain) (He et
/// al., 2015).
///
/// # Errors
/// If the tensor has fewer than 2 dimensions or is not floating-point, unless it is empty.
///
/// ```
/// use rushlight::{Tensor, nn::init};
/// let w = init::kaiming_uniform_(Tensor::zeros([2, 6]));
/// assert!(w.abs().max().item() <= 1.0); // √2 · √(3 / 6)
/// ```
#[op(torch = "kaiming_uniform_(tensor, a=0, mode='fan_in', nonlinearity='leaky_relu', generator=None)", free, with)]
pub fn try_kaiming_uniform_with_(tensor: impl Into<Tensor>, options: KaimingOptions) -> Result<Tensor> {
    let tensor = tensor.into();
    if tensor.numel() == 0 {
        return Ok(tensor);
    }
    let bound = 3f64.sqrt() * kaiming("kaiming_uniform_", &tensor, options)?;
    try_uniform_(tensor, -bound..bound)
}

/// Fills a tensor with normal random numbers of standard deviation gain / √fan, where the gain is that of the
/// [nonlinearity](calculate_gain) (He et al., 2015).
///
/// # Errors
/// If the tensor has fewer than 2 dimensions or is not floating-point, unless it is empty.
///
/// ```
/// use rushlight::{Tensor, nn::init};
/// rushlight::manual_seed(0);
/// let w = init::kaiming_normal_(Tensor::zeros([50, 200]));
/// assert!((w.std().item() - 0.1).abs() < 0.005); // √2 / √200
/// ```
#[op(torch = "kaiming_normal_(tensor, a=0, mode='fan_in', nonlinearity='leaky_relu', generator=None)", free, with)]
pub fn try_kaiming_normal_with_(tensor: impl Into<Tensor>, options: KaimingOptions) -> Result<Tensor> {
    let tensor = tensor.into();
    if tensor.numel() == 0 {
        return Ok(tensor);
    }
    let std = kaiming("kaiming_normal_", &tensor, options)?;
    normal(tensor, 0.0, std)
}

fn kaiming(op: &'static str, tensor: &Tensor, options: KaimingOptions) -> Result<f64> {
    let [fan_in, fan_out] = fans(op, tensor)?;
    let fan = if options.mode == Fan::In { fan_in } else { fan_out };
    Ok(calculate_gain(options.nonlinearity) / fan.sqrt())
}

/// Fills a matrix with the identity.
///
/// # Errors
/// If the tensor does not have 2 dimensions.
///
/// ```
/// use rushlight::{Tensor, nn::init};
/// assert_eq!(init::eye_(Tensor::zeros([2, 3])).to_vec::<f32>(), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
/// ```
#[op(torch = "eye_(tensor)", free)]
pub fn try_eye_(tensor: impl Into<Tensor>) -> Result<Tensor> {
    let tensor = matrix("eye_", tensor.into())?;
    let _guard = NoGrad::new();
    tensor.try_fill_(0)?;
    tensor.try_diagonal()?.try_fill_(1)?;
    Ok(tensor)
}

fn matrix(op: &'static str, tensor: Tensor) -> Result<Tensor> {
    if tensor.dim() == 2 {
        return Ok(tensor);
    }
    Err(Error::shape(op, format!("expected a tensor with 2 dimensions, got shape {:?}", tensor.shape())))
}

/// The options of [`dirac_`].
#[derive(Builder, Clone, Copy, Debug)]
pub struct DiracOptions {
    /// The number of groups of the convolution; default 1.
    #[builder(default = 1)]
    groups: usize,
}

/// Fills the weight of a convolution with the Dirac delta, which passes as many channels through as possible in each group.
///
/// # Errors
/// If the tensor does not have 3 to 5 dimensions, or its first size is not divisible by `groups`.
///
/// ```
/// use rushlight::{Tensor, nn::init};
/// let weight = init::dirac_(Tensor::zeros([1, 1, 3]));
/// assert_eq!(Tensor::from([[1.0f32, 2.0, 3.0, 4.0]]).conv1d(&weight, None).to_vec::<f32>(), [2.0, 3.0]);
/// ```
#[op(torch = "dirac_(tensor, groups=1)", free, with)]
pub fn try_dirac_with_(tensor: impl Into<Tensor>, options: DiracOptions) -> Result<Tensor> {
    let (op, tensor, groups) = ("dirac_", tensor.into(), options.groups);
    if !(3..=5).contains(&tensor.dim()) {
        let message = format!("expected a tensor with 3 to 5 dimensions, got shape {:?}", tensor.shape());
        return Err(Error::shape(op, message));
    }
    let (outputs, inputs) = (tensor.shape()[0], tensor.shape()[1]);
    if groups == 0 || outputs % groups != 0 {
        let message = format!("expected a first size divisible by groups, got {outputs} and {groups}");
        return Err(Error::value(op, message));
    }
    let _guard = NoGrad::new();
    tensor.try_fill_(0)?;
    let outputs = outputs / groups;
    for group in 0..groups {
        for channel in 0..outputs.min(inputs) {
            let mut place =
                tensor.try_select(0, (group * outputs + channel) as isize)?.try_select(0, channel as isize)?;
            while place.dim() > 0 {
                place = place.try_select(0, (place.shape()[0] / 2) as isize)?;
            }
            place.try_fill_(1)?;
        }
    }
    Ok(tensor)
}

/// The options of [`trunc_normal_`].
#[derive(Builder, Clone, Copy, Debug)]
pub struct TruncNormalOptions {
    /// The mean before truncation; default 0.
    mean: f64,
    /// The standard deviation before truncation; default 1.
    #[builder(default = 1.0)]
    std: f64,
    /// The smallest number; default -2.
    #[builder(default = -2.0)]
    a: f64,
    /// The largest number; default 2.
    #[builder(default = 2.0)]
    b: f64,
}

/// Fills a tensor with normal random numbers truncated to `[a, b]` by rejection, as PyTorch does since 2.12.
///
/// # Errors
/// If the tensor is not floating-point, `a > b`, or one of them is nan.
///
/// ```
/// use rushlight::{Tensor, nn::init};
/// assert!(init::trunc_normal_(Tensor::zeros([10, 10])).abs().max().item() <= 2.0);
/// ```
#[op(torch = "trunc_normal_(tensor, mean=0.0, std=1.0, a=-2.0, b=2.0, generator=None)", free, with)]
pub fn try_trunc_normal_with_(tensor: impl Into<Tensor>, options: TruncNormalOptions) -> Result<Tensor> {
    let (tensor, TruncNormalOptions { mean, std, a, b }) = (tensor.into(), options);
    if a > b || a.is_nan() || b.is_nan() {
        return Err(Error::value("trunc_normal_", format!("expected a ≤ b, got a={a} and b={b}")));
    }
    if is_skipped() {
        return Ok(tensor);
    }
    let _guard = NoGrad::new();
    let below =
        |x: f64| Tensor::from((x - mean) / std / 2f64.sqrt()).try_erf()?.try_item().map(|erf| (1.0 + erf) / 2.0);
    if below(b)? - below(a)? > 0.3 {
        tensor.try_normal_(mean, std)?;
        loop {
            let outside = tensor.try_lt(a)?.try_logical_or(&tensor.try_gt(b)?)?;
            if !outside.try_any()?.try_item_as::<bool>()? {
                return Ok(tensor);
            }
            let again = tensor.try_zeros_like()?.try_normal_(mean, std)?;
            tensor.try_copy_(&again.try_where_cond(&outside, tensor.detach())?)?;
        }
    }
    // Little of the probability is inside the bounds: candidates are drawn uniformly there and accepted by their density.
    let peak = -0.5 * ((a.max(mean.min(b)) - mean) / std).powi(2);
    let mut pending = tensor.try_ones_like()?.try_to_dtype(DType::Bool)?;
    loop {
        let candidate = tensor.try_zeros_like()?.try_uniform_(a..b)?;
        tensor.try_copy_(&candidate.try_where_cond(&pending, tensor.detach())?)?;
        let chance = tensor.try_zeros_like()?.try_uniform_(0.0..1.0)?.try_log()?;
        let density = candidate.try_sub(mean)?.try_div(std)?.try_square()?.try_mul(-0.5)?.try_sub(peak)?;
        pending = pending.try_logical_and(&chance.try_gt(&density)?)?;
        if !pending.try_any()?.try_item_as::<bool>()? {
            return Ok(tensor);
        }
    }
}

/// The options of [`sparse_`].
#[derive(Builder, Clone, Copy, Debug)]
pub struct SparseOptions {
    /// The standard deviation of the nonzero numbers; default 0.01.
    #[builder(default = 0.01)]
    std: f64,
}

/// Fills a matrix with normal random numbers of mean 0, except that in each column the fraction `sparsity` of the elements (rounded
/// up) is 0.
///
/// # Errors
/// If the tensor does not have 2 dimensions or is not floating-point, `sparsity` is not in [0, 1], or `std` is negative.
///
/// ```
/// use rushlight::{Tensor, nn::init};
/// let w = init::sparse_(Tensor::zeros([4, 3]), 0.5);
/// assert_eq!(w.eq(0).sum_dim(0).to_vec::<i64>(), [2, 2, 2]);
/// ```
#[op(torch = "sparse_(tensor, sparsity, std=0.01, generator=None)", free, with)]
pub fn try_sparse_with_(tensor: impl Into<Tensor>, sparsity: f64, options: SparseOptions) -> Result<Tensor> {
    let tensor = matrix("sparse_", tensor.into())?;
    if !(0.0..=1.0).contains(&sparsity) {
        return Err(Error::value("sparse_", format!("expected sparsity between 0 and 1, got {sparsity}")));
    }
    if is_skipped() {
        return Ok(tensor);
    }
    let _guard = NoGrad::new();
    let &[rows, columns] = tensor.shape() else { unreachable!("a matrix has two dimensions") };
    let zeros = (sparsity * rows as f64).ceil() as usize;
    tensor.try_normal_(0.0, options.std)?;
    for column in 0..columns {
        let column = tensor.try_select(1, column as isize)?;
        for row in default_generator().randperm(rows).into_iter().take(zeros) {
            column.try_select(0, row as isize)?.try_fill_(0)?;
        }
    }
    Ok(tensor)
}

/// Fills a tensor with orthogonal rows (or columns, if there are more rows) of length `gain`; dimensions from the second on are
/// flattened (Saxe et al., 2013).
///
/// # Errors
/// If the tensor has fewer than 2 dimensions, or elements that are not floating-point.
///
/// ```
/// use rushlight::{Tensor, nn::init, ops::CloseOptions};
/// let w = init::orthogonal_(Tensor::zeros([2, 3]));
/// assert!(w.mm(&w.t()).allclose_with(&Tensor::eye(2), CloseOptions::new().atol(1e-6)));
/// ```
#[op(torch = "orthogonal_(tensor, gain=1, generator=None)", free, with)]
pub fn try_orthogonal_with_(tensor: impl Into<Tensor>, options: GainOptions) -> Result<Tensor> {
    let tensor = tensor.into();
    fans("orthogonal_", &tensor)?;
    if tensor.numel() == 0 || is_skipped() {
        return Ok(tensor);
    }
    let _guard = NoGrad::new();
    let (rows, columns) = (tensor.shape()[0], tensor.numel() / tensor.shape()[0]);
    let drawn = tensor.try_zeros_like()?.try_contiguous()?.try_view([rows, columns])?.try_normal_(0.0, 1.0)?;
    let wide = rows < columns;
    let vectors = if wide { drawn } else { drawn.try_t()? };
    let mut q: Vec<f64> = vectors.try_to_dtype(DType::F64)?.try_to_vec()?;
    orthonormalize(&mut q, rows.max(columns));
    let q = Tensor::try_from_slice(&q, [rows.min(columns), rows.max(columns)])?;
    let q = if wide { q } else { q.try_t()? };
    tensor.try_copy_(&q.try_mul(options.gain)?.try_reshape(tensor.shape())?)
}

/// Orthonormalizes vectors of length `len` by Gram-Schmidt: the Q of a QR decomposition whose R has a positive diagonal. Subtracting
/// projections twice makes it as accurate as Householder reflections.
fn orthonormalize(vectors: &mut [f64], len: usize) {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    for i in 0..vectors.len() / len {
        let (done, rest) = vectors.split_at_mut(i * len);
        let own = &mut rest[..len];
        for _ in 0..2 {
            for other in done.chunks_exact(len) {
                let along = dot(other, own);
                own.iter_mut().zip(other).for_each(|(x, y)| *x -= along * y);
            }
        }
        let length = dot(own, own).sqrt();
        own.iter_mut().for_each(|x| *x /= length);
    }
}

/// Creates weight and bias of a linear layer or convolution with PyTorch's default initialization.
pub(super) fn weight_and_bias(
    options: &TensorOptions,
    shape: &[usize],
    bias: bool,
) -> Result<(Parameter, Option<Parameter>)> {
    weight_and_bias_of(options, shape, bias.then_some(shape[0]))
}

/// [`weight_and_bias`] with a bias of a given size.
pub(super) fn weight_and_bias_of(
    options: &TensorOptions,
    shape: &[usize],
    bias: Option<usize>,
) -> Result<(Parameter, Option<Parameter>)> {
    let weight = Tensor::try_zeros_with(shape, options)?;
    try_kaiming_uniform_with_(&weight, KaimingOptions::new().nonlinearity(Nonlinearity::LeakyRelu(5f64.sqrt())))?;
    let draw = |size: usize| {
        let [fan_in, _] = fans("init", &weight)?;
        let bound = if fan_in > 0.0 { 1.0 / fan_in.sqrt() } else { 0.0 };
        Parameter::try_new(try_uniform_(Tensor::try_zeros_with(size, options)?, -bound..bound)?)
    };
    let bias = bias.map(draw).transpose()?;
    Ok((Parameter::try_new(weight)?, bias))
}
