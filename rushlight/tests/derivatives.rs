//! Every differentiable operation against differences of itself, to second order, on inputs of many layouts.

use rushlight::autograd::{gradcheck, gradgradcheck};
use rushlight::keepdim;
use rushlight::ops::{
    AvgPoolOptions, BatchNormOptions, BinaryCrossEntropyWithLogitsOptions, ConvOptions, ConvTransposeOptions,
    CrossEntropyOptions, LeakyReluOptions, MaxPoolOptions,
};
use rushlight::ops::{DropoutOptions, SliceOptions, VarOptions};
use rushlight::{DType, Generator, Reduction, Result, Tensor, TensorOptions};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// An operation, and where its inputs may lie.
struct Row {
    name: &'static str,
    /// The shapes of the inputs.
    shapes: Vec<Vec<usize>>,
    range: (f64, f64),
    f: fn(&[&Tensor]) -> Result<Tensor>,
    /// The operation has no second derivative in PyTorch either.
    once: bool,
}

/// How the input that the operation sees comes from a leaf.
#[derive(Clone, Copy, Debug)]
enum Layout {
    Plain,
    /// The last two dimensions lie in the other order.
    Transposed,
    /// Every other element along the last dimension.
    Strided,
    /// All rows along the first dimension are one.
    Expanded,
    /// In the middle of something larger.
    Narrowed,
}

const LAYOUTS: [Layout; 5] = [Layout::Plain, Layout::Transposed, Layout::Strided, Layout::Expanded, Layout::Narrowed];

impl Layout {
    /// The shape of the leaf for an input of shape `shape`, or `None` where this layout makes no difference.
    fn leaf(self, shape: &[usize]) -> Option<Vec<usize>> {
        let mut leaf = shape.to_vec();
        let rank = shape.len();
        match self {
            Layout::Plain => {}
            Layout::Transposed if rank >= 2 => leaf.swap(rank - 1, rank - 2),
            Layout::Strided if rank >= 1 => leaf[rank - 1] *= 2,
            Layout::Expanded if rank >= 1 && shape[0] > 1 => leaf[0] = 1,
            Layout::Narrowed if rank >= 1 => leaf[0] += 2,
            _ => return None,
        }
        Some(leaf)
    }

    fn view(self, leaf: &Tensor, shape: &[usize]) -> Result<Tensor> {
        match self {
            Layout::Plain => Ok(leaf.clone()),
            Layout::Transposed => leaf.try_transpose(-1, -2),
            Layout::Strided => leaf.try_slice_with(-1, .., SliceOptions::new().step(2)),
            Layout::Expanded => leaf.try_expand(shape),
            Layout::Narrowed => leaf.try_narrow(0, 1, shape[0]),
        }
    }
}

fn uniform(generator: &Generator, shape: &[usize], (low, high): (f64, f64)) -> Tensor {
    let unit = Tensor::rand_with(shape, TensorOptions::new().dtype(DType::F64).generator(generator));
    (unit * (high - low) + low).requires_grad_(true)
}

fn check(row: &Row, layout: Layout, generator: &Generator) -> Option<Result<()>> {
    let leaves: Option<Vec<Vec<usize>>> = row.shapes.iter().map(|shape| layout.leaf(shape)).collect();
    let leaves: Vec<Tensor> = leaves?.iter().map(|shape| uniform(generator, shape, row.range)).collect();
    let f = |leaves: &[&Tensor]| {
        let views = leaves.iter().zip(&row.shapes).map(|(leaf, shape)| layout.view(leaf, shape));
        let views = views.collect::<Result<Vec<_>>>()?;
        (row.f)(&views.iter().collect::<Vec<_>>())
    };
    let leaves: Vec<&Tensor> = leaves.iter().collect();
    Some(gradcheck(f, &leaves).and_then(|()| if row.once { Ok(()) } else { gradgradcheck(f, &leaves) }))
}

fn check_all(rows: &[Row]) {
    let mut failures = Vec::new();
    let mut checks = 0;
    for row in rows {
        let generator = Generator::from_seed(7);
        for layout in LAYOUTS {
            let result = catch_unwind(AssertUnwindSafe(|| check(row, layout, &generator)));
            let message = match result {
                Ok(None) => continue,
                Ok(Some(Ok(()))) => None,
                Ok(Some(Err(error))) => Some(error.to_string()),
                Err(_) => Some("a panic".to_string()),
            };
            checks += 1;
            failures.extend(message.map(|message| format!("{} ({layout:?}): {message}", row.name)));
        }
    }
    assert!(failures.is_empty(), "{} of {checks} checks:\n{}", failures.len(), failures.join("\n"));
    assert!(checks >= rows.len());
}

/// Operations on inputs of the given shapes and range.
macro_rules! rows {
    ($($name:literal: $shapes:expr, $range:expr, |$x:ident| $f:expr;)*) => {
        [$(Row {
            name: $name,
            shapes: {
                let shapes: &[&[usize]] = &$shapes;
                shapes.iter().map(|shape| shape.to_vec()).collect()
            },
            range: $range,
            f: |$x| $f,
            once: false,
        }),*]
    };
}

/// Functions of one element, each on a matrix, a 0-d tensor and nothing.
macro_rules! functions {
    ($($range:expr => $($method:ident)*;)*) => {
        vec![$($(
            Row { name: stringify!($method), shapes: vec![vec![2, 3]], range: $range, f: |x| x[0].$method(), once: false },
            Row { name: stringify!($method), shapes: vec![vec![]], range: $range, f: |x| x[0].$method(), once: false },
            Row { name: stringify!($method), shapes: vec![vec![0, 3]], range: $range, f: |x| x[0].$method(), once: false },
        )*)*]
    };
}

const REAL: (f64, f64) = (-2.0, 2.0);
const POSITIVE: (f64, f64) = (0.3, 3.0);
const M: &[usize] = &[2, 3];

#[test]
fn functions_of_one_element() {
    check_all(&functions! {
        REAL => try_neg try_abs try_square try_exp try_expm1 try_sin try_cos try_atan try_sinh try_cosh try_erf try_tanh try_sigmoid
            try_relu try_relu6 try_logsigmoid try_copy try_floor try_ceil try_round try_trunc try_sign try_contiguous;
        POSITIVE => try_log try_log1p try_log2 try_log10 try_sqrt try_rsqrt try_reciprocal;
        (-1.2, 1.2) => try_tan;
    });
    check_all(&rows! {
        "leaky_relu": [M], REAL, |x| x[0].try_leaky_relu_with(LeakyReluOptions::new().negative_slope(0.2));
        "clamp": [M], REAL, |x| x[0].try_clamp(-0.5, 0.7);
        "clamp below": [M], REAL, |x| x[0].try_clamp(-0.5, None);
        "clamp above": [M], REAL, |x| x[0].try_clamp(None, 0.5);
        "pow number": [M], POSITIVE, |x| x[0].try_pow(2.5);
        "pow 2": [M], REAL, |x| x[0].try_pow(2);
        "pow 3": [M], REAL, |x| x[0].try_pow(3);
        "pow 1": [M], REAL, |x| x[0].try_pow(1);
        "pow 0": [M], REAL, |x| x[0].try_pow(0);
        "pow -1": [M], POSITIVE, |x| x[0].try_pow(-1);
        "rpow": [M], REAL, |x| x[0].try_rpow(1.7);
        "to_dtype": [M], REAL, |x| x[0].try_mul(1.0)?.try_to_dtype(DType::F64);
    });
}

#[test]
fn functions_of_two_elements() {
    check_all(&rows! {
        "add": [M, M], REAL, |x| x[0].try_add(x[1]);
        "sub": [M, M], REAL, |x| x[0].try_sub(x[1]);
        "mul": [M, M], REAL, |x| x[0].try_mul(x[1]);
        "div": [M, M], POSITIVE, |x| x[0].try_div(x[1]);
        "pow": [M, M], POSITIVE, |x| x[0].try_pow(x[1]);
        "maximum": [M, M], REAL, |x| x[0].try_maximum(x[1]);
        "minimum": [M, M], REAL, |x| x[0].try_minimum(x[1]);
        "remainder": [M, M], (1.1, 1.9), |x| x[0].try_mul(4.0)?.try_remainder(x[1]);
        "add row": [M, &[3]], REAL, |x| x[0].try_add(x[1]);
        "sub column": [M, &[2, 1]], REAL, |x| x[0].try_sub(x[1]);
        "mul outer": [&[2, 1], &[4]], REAL, |x| x[0].try_mul(x[1]);
        "div batch": [&[3], &[2, 2, 3]], POSITIVE, |x| x[0].try_div(x[1]);
        "pow column": [M, &[2, 1]], POSITIVE, |x| x[0].try_pow(x[1]);
        "maximum row": [&[3], M], REAL, |x| x[0].try_maximum(x[1]);
        "mul 0-d": [M, &[]], REAL, |x| x[0].try_mul(x[1]);
        "pow empty": [&[0, 3], &[3]], POSITIVE, |x| x[0].try_pow(x[1]);
        "number - x": [M], REAL, |x| rushlight::catch(|| 2.0 - x[0]);
        "number / x": [M], POSITIVE, |x| rushlight::catch(|| 2.0 / x[0]);
        "x * x": [M], REAL, |x| x[0].try_mul(x[0]);
        "where": [M, &[3]], REAL, |x| {
            let condition = Tensor::from([[true, false, true], [false, false, true]]);
            x[0].try_where_cond(&condition, x[1])
        };
        "masked_fill": [M, &[]], REAL, |x| x[0].try_masked_fill(&Tensor::from([true, false, true]), x[1]);
    });
}

#[test]
fn reductions() {
    check_all(&rows! {
        "sum": [M], REAL, |x| x[0].try_sum();
        "sum_dim": [M], REAL, |x| x[0].try_sum_dim(0);
        "sum_dim kept": [&[2, 3, 2]], REAL, |x| x[0].try_sum_dim(keepdim([0, 2]));
        "mean": [M], REAL, |x| x[0].try_mean();
        "mean_dim": [M], REAL, |x| x[0].try_mean_dim(keepdim(-1));
        "mean empty": [&[0, 3]], REAL, |x| x[0].try_mean_dim(0)?.try_masked_fill(&Tensor::from(true), 0.0);
        "prod": [M], REAL, |x| x[0].try_prod();
        "max": [M], REAL, |x| x[0].try_max();
        "min": [M], REAL, |x| x[0].try_min();
        "amax": [&[3, 4]], REAL, |x| x[0].try_amax(1);
        "amin": [&[3, 4]], REAL, |x| x[0].try_amin(keepdim([0, 1]));
        "max_dim": [&[1, 4]], REAL, |x| Ok(x[0].try_max_dim(1)?.0);
        "min_dim": [&[1, 4]], REAL, |x| Ok(x[0].try_min_dim(keepdim(1))?.0);
        "var": [M], REAL, |x| x[0].try_var();
        "var_dim": [M], REAL, |x| x[0].try_var_dim_with(1, VarOptions::new().correction(0.0));
        "std": [M], REAL, |x| x[0].try_std();
        "std_dim": [M], REAL, |x| x[0].try_std_dim_with(keepdim(1), VarOptions::new().correction(0.0));
        "softmax": [M], REAL, |x| x[0].try_softmax(1);
        "softmax first": [M], REAL, |x| x[0].try_softmax(0);
        "log_softmax": [M], REAL, |x| x[0].try_log_softmax(-1);
        "softmax of nothing": [&[0, 3]], REAL, |x| x[0].try_softmax(-1);
    });
}

#[test]
fn views_and_joins() {
    check_all(&rows! {
        "reshape": [M], REAL, |x| x[0].try_reshape([3, 2]);
        "t": [M], REAL, |x| x[0].try_t();
        "transpose": [&[2, 3, 2]], REAL, |x| x[0].try_transpose(0, 2);
        "permute": [&[2, 3, 2]], REAL, |x| x[0].try_permute([2, 0, 1]);
        "squeeze": [&[2, 1, 3]], REAL, |x| x[0].try_squeeze(1);
        "unsqueeze": [M], REAL, |x| x[0].try_unsqueeze(1);
        "expand": [&[2, 1, 3]], REAL, |x| x[0].try_expand([4, 2, 2, 3]);
        "narrow": [M], REAL, |x| x[0].try_narrow(1, 1, 2);
        "select": [M], REAL, |x| x[0].try_select(1, -1);
        "slice": [&[2, 5]], REAL, |x| x[0].try_slice_with(1, 1..5, SliceOptions::new().step(2));
        "diagonal": [&[3, 3]], REAL, |x| x[0].try_diagonal();
        "flatten": [&[2, 3, 2]], REAL, |x| x[0].try_flatten_dim(1..);
        "split": [&[2, 5]], REAL, |x| x[0].try_split_dim(2, 1)?[1].try_mul(2.0);
        "unbind": [M], REAL, |x| x[0].try_unbind()?[1].try_exp();
        "cat": [M, &[1, 3]], REAL, |x| Tensor::try_cat(x);
        "cat itself": [M], REAL, |x| Tensor::try_cat_dim([x[0], x[0]], 1);
        "stack": [M, M], REAL, |x| Tensor::try_stack_dim(x, 1);
        "gather": [M], REAL, |x| x[0].try_gather(1, &Tensor::from([[0, 0, 2], [1, 2, 1]]));
        "index_select": [&[3, 2]], REAL, |x| x[0].try_index_select(0, &Tensor::from([2, 0, 2]));
        "scatter_add": [&[3, 2], M], REAL, |x| {
            x[0].try_scatter_add(0, &Tensor::from([[0, 0], [2, 0]]), &x[1].try_narrow(1, 0, 2)?)
        };
    });
}

#[test]
fn products() {
    check_all(&rows! {
        "mm": [M, &[3, 2]], REAL, |x| x[0].try_mm(x[1]);
        "bmm": [&[2, 2, 3], &[2, 3, 2]], REAL, |x| x[0].try_bmm(x[1]);
        "matmul vectors": [&[3], &[3]], REAL, |x| x[0].try_matmul(x[1]);
        "matmul matrix and vector": [M, &[3]], REAL, |x| x[0].try_matmul(x[1]);
        "matmul vector and matrix": [&[2], M], REAL, |x| x[0].try_matmul(x[1]);
        "matmul batches": [&[2, 1, 2, 3], &[2, 3, 2]], REAL, |x| x[0].try_matmul(x[1]);
        "matmul vector and batch": [&[3], &[2, 3, 2]], REAL, |x| x[0].try_matmul(x[1]);
        "linear": [M, &[4, 3], &[4]], REAL, |x| x[0].try_linear(x[1], Some(x[2]));
        "linear batches": [&[2, 2, 3], &[4, 3]], REAL, |x| x[0].try_linear(x[1], None);
        "addmm": [&[2], M, &[3, 2]], REAL, |x| x[0].try_addmm(x[1], x[2]);
        "conv1d": [&[2, 2, 5], &[3, 2, 3], &[3]], REAL, |x| x[0].try_conv1d_with(x[1], x[2], ConvOptions::new().stride(2).padding(1));
        "conv2d": [&[2, 2, 4, 3], &[2, 2, 3, 2], &[2]], REAL, |x| {
            x[0].try_conv2d_with(x[1], x[2], ConvOptions::new().padding([1, 0]))
        };
        "conv2d groups": [&[1, 4, 4, 4], &[2, 2, 2, 2]], REAL, |x| {
            x[0].try_conv2d_with(x[1], None, ConvOptions::new().stride([2, 1]).padding(1).dilation([1, 2]).groups(2))
        };
        "conv2d depthwise": [&[2, 2, 4, 4], &[2, 1, 3, 3], &[2]], REAL, |x| {
            x[0].try_conv2d_with(x[1], x[2], ConvOptions::new().padding(1).groups(2))
        };
        "conv_transpose1d": [&[2, 2, 3], &[2, 2, 2], &[2]], REAL, |x| {
            x[0].try_conv_transpose1d_with(x[1], x[2], ConvTransposeOptions::new().stride(2).padding(1).output_padding(1))
        };
        "conv_transpose2d groups": [&[2, 4, 3, 2], &[4, 1, 2, 2], &[2]], REAL, |x| {
            x[0].try_conv_transpose2d_with(x[1], x[2], ConvTransposeOptions::new().stride([2, 1]).padding([1, 0]).output_padding([1, 0]).dilation([1, 2]).groups(2))
        };
        "conv3d": [&[1, 1, 3, 3, 3], &[1, 1, 2, 2, 2], &[1]], REAL, |x| {
            x[0].try_conv3d_with(x[1], x[2], ConvOptions::new().padding([0, 1, 0]))
        };
    });
}

#[test]
fn pictures_and_losses() {
    check_all(&rows! {
        "max_pool2d": [&[1, 2, 4, 4]], REAL, |x| x[0].try_max_pool2d(MaxPoolOptions::new(2).stride([2, 1]).padding([1, 0]));
        "avg_pool2d": [&[1, 2, 4, 5]], REAL, |x| x[0].try_avg_pool2d(AvgPoolOptions::new([2, 3]).stride([1, 2]).padding(1).ceil_mode(true).count_include_pad(false));
        "adaptive_avg_pool2d": [&[2, 5, 4]], REAL, |x| x[0].try_adaptive_avg_pool2d([2, 3]);
        "batch_norm": [&[3, 2, 2], &[2], &[2]], POSITIVE, |x| {
            x[0].try_batch_norm_with(None, None, BatchNormOptions::new().weight(x[1]).bias(x[2]).training(true).eps(1e-3))
        };
        "batch_norm by statistics": [&[3, 2, 2], &[2], &[2]], POSITIVE, |x| {
            let (mean, var) = (Tensor::from([0.5f64, 1.0]), Tensor::from([1.0f64, 2.0]));
            x[0].try_batch_norm_with(&mean, &var, BatchNormOptions::new().weight(x[1]).bias(x[2]).eps(1e-3))
        };
        "mse_loss": [M, M], REAL, |x| x[0].try_mse_loss(x[1]);
        "l1_loss": [M, M], REAL, |x| x[0].try_l1_loss_with(x[1], Reduction::Sum);
        "binary_cross_entropy": [M, M], (0.1, 0.9), |x| x[0].try_binary_cross_entropy(x[1]);
        "binary_cross_entropy_with_logits": [M, M, &[3], &[3]], POSITIVE, |x| {
            x[0].try_binary_cross_entropy_with_logits_with(x[1], BinaryCrossEntropyWithLogitsOptions::new().weight(x[2]).pos_weight(x[3]).reduction(Reduction::None))
        };
        "nll_loss": [M], REAL, |x| x[0].try_nll_loss(&Tensor::from([2, 0]));
        "cross_entropy": [M], REAL, |x| {
            x[0].try_cross_entropy_with(&Tensor::from([2, 0]), CrossEntropyOptions::new().label_smoothing(0.1))
        };
        "cross_entropy rows": [&[2, 3, 2]], REAL, |x| {
            let weight = Tensor::from([1.0f64, 2.0, 0.5]);
            x[0].try_cross_entropy_with(&Tensor::from([[2, 0], [1, 1]]), CrossEntropyOptions::new().weight(&weight).ignore_index(1).reduction(Reduction::None))
        };
        "cross_entropy probabilities": [M, M], (0.1, 0.9), |x| {
            x[0].try_cross_entropy_with(x[1], CrossEntropyOptions::new().reduction(Reduction::Sum).label_smoothing(0.2))
        };
        "dropout": [M], REAL, |x| {
            rushlight::manual_seed(3);
            x[0].try_dropout_with(DropoutOptions::new().p(0.4))
        };
    });
}

/// Changes in place of a computed tensor or a part of it, in sequence, are functions like any other.
#[test]
fn changes_in_place() {
    fn part(x: &Tensor, f: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
        let base = x.try_copy()?;
        let view = base.try_t()?.try_narrow(0, 1, 2)?.try_select(1, 0)?;
        f(&view)?;
        base.try_mul(&view.try_sum()?)
    }
    check_all(&rows! {
        "add_": [M, &[2]], REAL, |x| part(x[0], |v| v.try_add_(x[1]));
        "sub_": [M, &[2]], REAL, |x| part(x[0], |v| v.try_sub_(x[1]));
        "mul_": [M, &[2]], REAL, |x| part(x[0], |v| v.try_mul_(x[1]));
        "div_": [M, &[2]], POSITIVE, |x| part(x[0], |v| v.try_div_(x[1]));
        "pow_": [M, &[2]], POSITIVE, |x| part(x[0], |v| v.try_pow_(x[1]));
        "pow_ number": [M], POSITIVE, |x| part(x[0], |v| v.try_pow_(1.5));
        "add_scaled_": [M, &[2]], REAL, |x| part(x[0], |v| v.try_add_scaled_(x[1], -1.5));
        "copy_": [M, &[]], REAL, |x| part(x[0], |v| v.try_copy_(x[1]));
        "fill_": [M], REAL, |x| part(x[0], |v| v.try_fill_(0.7));
        "exp_": [M], REAL, |x| part(x[0], Tensor::try_exp_);
        "log_": [M], POSITIVE, |x| part(x[0], Tensor::try_log_);
        "sqrt_": [M], POSITIVE, |x| part(x[0], Tensor::try_sqrt_);
        "tanh_": [M], REAL, |x| part(x[0], Tensor::try_tanh_);
        "sigmoid_": [M], REAL, |x| part(x[0], Tensor::try_sigmoid_);
        "relu_": [M], REAL, |x| part(x[0], Tensor::try_relu_);
        "leaky_relu_": [M], REAL, |x| part(x[0], |v| v.try_leaky_relu_with_(LeakyReluOptions::new().negative_slope(0.1)));
        "neg_": [M], REAL, |x| part(x[0], Tensor::try_neg_);
        "abs_": [M], REAL, |x| part(x[0], Tensor::try_abs_);
        "clamp_": [M], REAL, |x| part(x[0], |v| v.try_clamp_(-0.5, 0.5));
        "overlapping parts": [&[5]], REAL, |x| {
            let y = x[0].try_copy()?;
            y.try_narrow(0, 1, 4)?.try_add_(&y.try_narrow(0, 0, 4)?)?;
            y.try_narrow(0, 0, 4)?.try_mul_(&y.try_narrow(0, 1, 4)?.try_copy()?)
        };
        "through several views": [&[2, 2, 3]], REAL, |x| {
            let y = x[0].try_contiguous()?.try_copy()?;
            let (rows, flat) = (y.try_view([4, 3])?, y.try_view([12])?);
            rows.try_select(0, 1)?.try_mul_(&flat.try_narrow(0, 6, 3)?.try_copy()?)?;
            flat.try_slice_with(0, ..12, SliceOptions::new().step(3))?.try_sin_like()?;
            rows.try_t()?.try_select(0, 2)?.try_exp_()?;
            flat.try_mul(&rows.try_view([12])?)
        };
        "a buffer of zeros": [&[3], &[3]], REAL, |x| {
            let buffer = x[0].detach().try_zeros_like()?.try_expand([2, 3])?.try_copy()?;
            buffer.try_select(0, 0)?.try_copy_(x[0])?;
            buffer.try_select(0, 1)?.try_add_(x[1])?.try_mul_(x[0])?;
            buffer.try_prod()
        };
        "a detached part": [&[3]], REAL, |x| {
            let table = Tensor::arange(12.0).to_dtype(DType::F64).view([3, 4]);
            let gaps = table.try_copy()?.try_slice_with(1, 1..4, SliceOptions::new().step(2))?.detach();
            gaps.try_select(1, 1)?.try_mul_(x[0])?;
            gaps.try_t()?.try_select(0, 0)?.try_add_(&x[0].try_exp()?)?;
            gaps.try_mul(&gaps)
        };
    });
}

trait SinLike {
    fn try_sin_like(&self) -> Result<Tensor>;
}

impl SinLike for Tensor {
    /// A smooth function in place that is made of two.
    fn try_sin_like(&self) -> Result<Tensor> {
        self.try_tanh_()?.try_mul_(2.0)
    }
}

#[test]
fn wrong_derivatives_are_found() {
    let x = Tensor::from([0.5f64, -0.3]).requires_grad_(true);
    let x = [&x];
    // Half of the square is taken for a constant.
    let wrong = |x: &[&Tensor]| x[0].detach().try_mul(x[0]);
    assert!(gradcheck(wrong, &x).unwrap_err().to_string().contains("input 0, element 0"));
    // The whole is taken for a constant.
    assert!(gradcheck(|x| x[0].detach().try_mul(2.0), &x).is_err());
    // The first derivative is right, the second is not: sin x - x cos c + c cos c, at x = c.
    let wrong = |x: &[&Tensor]| {
        let c = x[0].detach();
        x[0].try_mul(&c.try_cos()?)?.try_add(&c.try_sin()?.try_sub(&c.try_mul(&c.try_cos()?)?)?)
    };
    gradcheck(wrong, &x).unwrap();
    assert!(gradgradcheck(wrong, &x).is_err());
    // Not doubles.
    assert!(gradcheck(|x| x[0].try_exp(), &[&Tensor::from([1.0f32]).requires_grad_(true)]).is_err());
}
