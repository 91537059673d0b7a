//! How each operation of the fixtures is spelled here; `golden/ops_table.py` says how PyTorch spells it.

use super::Args;
use crate::golden::dtype;
use rushlight::keepdim;
use rushlight::ops::{
    AvgPoolOptions, BatchNormOptions, BinaryCrossEntropyOptions, BinaryCrossEntropyWithLogitsOptions, ConvOptions,
    ConvTransposeOptions, CrossEntropyOptions, LeakyReluOptions, MaxPoolOptions, NllLossOptions,
};
use rushlight::ops::{CloseOptions, DropoutOptions, SliceOptions, VarOptions};
use rushlight::{Operand, Reduction, Result, Scalar, Tensor};
use serde_json::Value;

/// An input of a call.
pub enum Arg {
    Tensor(Tensor),
    Number(Scalar),
    Absent,
}

impl Arg {
    pub fn tensor(&self) -> &Tensor {
        match self {
            Arg::Tensor(tensor) => tensor,
            _ => panic!("this input is no tensor"),
        }
    }

    fn operand(&self) -> Operand<'_> {
        match self {
            Arg::Tensor(tensor) => tensor.into(),
            Arg::Number(number) => (*number).into(),
            Arg::Absent => panic!("this input is absent"),
        }
    }

    fn number(&self) -> Option<Scalar> {
        match self {
            Arg::Number(number) => Some(*number),
            _ => None,
        }
    }
}

/// The inputs of a call.
pub struct Inputs<'a>(pub &'a [Arg]);

impl Inputs<'_> {
    fn t(&self, i: usize) -> &Tensor {
        self.0[i].tensor()
    }

    fn operand(&self, i: usize) -> Operand<'_> {
        self.0[i].operand()
    }

    fn option(&self, i: usize) -> Option<&Tensor> {
        match self.0.get(i) {
            Some(Arg::Tensor(tensor)) => Some(tensor),
            _ => None,
        }
    }

    fn all(&self) -> Vec<&Tensor> {
        self.0.iter().map(Arg::tensor).collect()
    }
}

pub type Call = fn(&Inputs<'_>, &Args) -> Result<Vec<Tensor>>;

/// What an operation gives, as a list.
trait Outputs {
    fn list(self) -> Vec<Tensor>;
}

impl Outputs for Tensor {
    fn list(self) -> Vec<Tensor> {
        vec![self]
    }
}

impl Outputs for (Tensor, Tensor) {
    fn list(self) -> Vec<Tensor> {
        vec![self.0, self.1]
    }
}

impl Outputs for Vec<Tensor> {
    fn list(self) -> Vec<Tensor> {
        self
    }
}

/// A number on the left of an operator. There is no fallible form, so the panic is caught.
macro_rules! number_first {
    ($x:ident, $operator:tt) => {
        rushlight::catch(|| match $x.0[0].number() {
            Some(Scalar::Bool(number)) => number $operator $x.t(1),
            Some(Scalar::I64(number)) => number $operator $x.t(1),
            Some(Scalar::F64(number)) => number $operator $x.t(1),
            None => unreachable!("asked for only where the first input is a number"),
        })
    };
}

/// `x + alpha * y` and the like, where the case has an `alpha`.
/// The options, with a tensor set if there is one.
fn with<O>(options: O, tensor: Option<&Tensor>, set: impl FnOnce(O, &Tensor) -> O) -> O {
    match tensor {
        Some(tensor) => set(options, tensor),
        None => options,
    }
}

fn window<const N: usize>(a: &Args) -> ConvOptions<N> {
    let steps = ConvOptions::new().stride(a.sizes("stride", 1)).padding(a.sizes("padding", 0));
    steps.dilation(a.sizes("dilation", 1)).groups(a.int("groups", 1) as usize)
}

fn transposed<const N: usize>(a: &Args) -> ConvTransposeOptions<N> {
    let steps = ConvTransposeOptions::new().stride(a.sizes("stride", 1)).padding(a.sizes("padding", 0));
    let steps = steps.output_padding(a.sizes("output_padding", 0)).dilation(a.sizes("dilation", 1));
    steps.groups(a.int("groups", 1) as usize)
}

fn scaled(x: &Inputs<'_>, a: &Args) -> Result<Tensor> {
    match a.scalar("alpha") {
        Some(alpha) => x.t(1).try_mul(alpha),
        None => Ok(x.t(1).clone()),
    }
}

/// One of the views by which cases reach parts of tensors.
pub fn apply_view(t: &Tensor, view: &[Value]) -> Result<Tensor> {
    let name = view[0].as_str().expect("the view's name");
    let n = |i: usize| view[i].as_i64().expect("a number") as isize;
    let all = || (1..view.len()).map(n).collect::<Vec<_>>();
    match name {
        "slice" => t.try_slice_with(n(1), n(2)..n(3), SliceOptions::new().step(n(4) as usize)),
        "permute" => t.try_permute(all()),
        "expand" => t.try_expand(all()),
        "reshape" => t.try_reshape(all()),
        "transpose" => t.try_transpose(n(1), n(2)),
        "narrow" => t.try_narrow(n(1), n(2), n(3) as usize),
        "select" => t.try_select(n(1), n(2)),
        "unsqueeze" => t.try_unsqueeze(n(1)),
        "t" => t.try_t(),
        other => panic!("unknown view {other}"),
    }
}

/// Changes a copy of the first input, through the views that the case names, and gives the whole.
fn in_place(x: &Inputs<'_>, a: &Args, change: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    let base = x.t(0).try_copy()?;
    let mut part = base.clone();
    for view in a.get("into").as_array().into_iter().flatten() {
        part = apply_view(&part, view.as_array().expect("a view"))?;
    }
    change(&part)?;
    Ok(base)
}

fn sized<T>(a: &Args, some: impl FnOnce(Vec<i64>, bool) -> Result<T>, all: impl FnOnce() -> Result<T>) -> Result<T> {
    if a.has("dim") { some(a.list("dim"), a.flag("keepdim", false)) } else { all() }
}

fn cast(x: &Tensor, a: &Args) -> Result<Tensor> {
    a.text("dtype").map_or_else(|| Ok(x.clone()), |name| x.try_to_dtype(dtype(name)))
}

fn reduction(a: &Args) -> Reduction {
    match a.text("reduction") {
        None | Some("mean") => Reduction::Mean,
        Some("sum") => Reduction::Sum,
        Some("none") => Reduction::None,
        Some(other) => panic!("{other} is no reduction"),
    }
}

macro_rules! table {
    ($($name:literal: |$x:ident, $a:ident| $call:expr;)*) => {
        /// The calls by the fixture's names.
        pub const TABLE: &[(&str, Call)] = &[$(($name, |$x, $a| {
            let _ = ($x, $a);
            $call.map(Outputs::list)
        })),*];
    };
}

table! {
    "add": |x, a| if x.0[0].number().is_some() {
        number_first!(x, +)
    } else if a.has("alpha") {
        x.t(0).try_add(&scaled(x, a)?)
    } else {
        x.t(0).try_add(x.operand(1))
    };
    "sub": |x, a| if x.0[0].number().is_some() {
        number_first!(x, -)
    } else if a.has("alpha") {
        x.t(0).try_sub(&scaled(x, a)?)
    } else {
        x.t(0).try_sub(x.operand(1))
    };
    "mul": |x, a| if x.0[0].number().is_some() { number_first!(x, *) } else { x.t(0).try_mul(x.operand(1)) };
    "div": |x, a| if x.0[0].number().is_some() { number_first!(x, /) } else { x.t(0).try_div(x.operand(1)) };
    "pow": |x, a| match x.0[0].number() {
        Some(base) => x.t(1).try_rpow(base),
        None => x.t(0).try_pow(x.operand(1)),
    };
    "neg": |x, a| x.t(0).try_neg();
    "maximum": |x, a| x.t(0).try_maximum(x.operand(1));
    "minimum": |x, a| x.t(0).try_minimum(x.operand(1));
    "eq": |x, a| x.t(0).try_eq(x.operand(1));
    "ne": |x, a| x.t(0).try_ne(x.operand(1));
    "lt": |x, a| x.t(0).try_lt(x.operand(1));
    "le": |x, a| x.t(0).try_le(x.operand(1));
    "gt": |x, a| x.t(0).try_gt(x.operand(1));
    "ge": |x, a| x.t(0).try_ge(x.operand(1));
    "relu": |x, a| x.t(0).try_relu();
    "sigmoid": |x, a| x.t(0).try_sigmoid();
    "tanh": |x, a| x.t(0).try_tanh();
    "exp": |x, a| x.t(0).try_exp();
    "log": |x, a| x.t(0).try_log();
    "sqrt": |x, a| x.t(0).try_sqrt();
    "abs": |x, a| x.t(0).try_abs();
    "leaky_relu": |x, a| x.t(0).try_leaky_relu_with(LeakyReluOptions::new().negative_slope(a.float("negative_slope", 0.01)));
    "clamp": |x, a| x.t(0).try_clamp(a.scalar("min"), a.scalar("max"));
    "square": |x, a| x.t(0).try_square();
    "expm1": |x, a| x.t(0).try_expm1();
    "log1p": |x, a| x.t(0).try_log1p();
    "log2": |x, a| x.t(0).try_log2();
    "log10": |x, a| x.t(0).try_log10();
    "rsqrt": |x, a| x.t(0).try_rsqrt();
    "reciprocal": |x, a| x.t(0).try_reciprocal();
    "sin": |x, a| x.t(0).try_sin();
    "cos": |x, a| x.t(0).try_cos();
    "tan": |x, a| x.t(0).try_tan();
    "atan": |x, a| x.t(0).try_atan();
    "sinh": |x, a| x.t(0).try_sinh();
    "cosh": |x, a| x.t(0).try_cosh();
    "erf": |x, a| x.t(0).try_erf();
    "floor": |x, a| x.t(0).try_floor();
    "ceil": |x, a| x.t(0).try_ceil();
    "round": |x, a| x.t(0).try_round();
    "trunc": |x, a| x.t(0).try_trunc();
    "sign": |x, a| x.t(0).try_sign();
    "relu6": |x, a| x.t(0).try_relu6();
    "logsigmoid": |x, a| x.t(0).try_logsigmoid();
    "remainder": |x, a| x.t(0).try_remainder(x.operand(1));
    "floor_divide": |x, a| x.t(0).try_floor_divide(x.operand(1));
    "logical_and": |x, a| x.t(0).try_logical_and(x.operand(1));
    "logical_or": |x, a| x.t(0).try_logical_or(x.operand(1));
    "logical_xor": |x, a| x.t(0).try_logical_xor(x.operand(1));
    "logical_not": |x, a| x.t(0).try_logical_not();
    "isnan": |x, a| x.t(0).try_isnan();
    "isclose": |x, a| x.t(0).try_isclose_with(x.t(1), CloseOptions::new().rtol(a.float("rtol", 1e-5)).atol(a.float("atol", 1e-8)));
    "softmax": |x, a| x.t(0).try_softmax(a.dim("dim"));
    "log_softmax": |x, a| x.t(0).try_log_softmax(a.dim("dim"));
    "gather": |x, a| x.t(0).try_gather(a.dim("dim"), x.t(1));
    "scatter_add": |x, a| x.t(0).try_scatter_add(a.dim("dim"), x.t(1), x.t(2));
    "index_select": |x, a| x.t(0).try_index_select(a.dim("dim"), x.t(1));
    "masked_fill": |x, a| x.t(0).try_masked_fill(x.t(1), x.operand(2));
    "diagonal": |x, a| x.t(0).try_diagonal();
    "where": |x, a| match x.0[1].number() {
        Some(number) => x.t(2).try_where_cond(&x.t(0).try_logical_not()?, number),
        None => x.t(1).try_where_cond(x.t(0), x.operand(2)),
    };
    "matmul": |x, a| x.t(0).try_matmul(x.t(1));
    "mm": |x, a| x.t(0).try_mm(x.t(1));
    "bmm": |x, a| x.t(0).try_bmm(x.t(1));
    "addmm": |x, a| x.t(0).try_addmm(x.t(1), x.t(2));
    "linear": |x, a| x.t(0).try_linear(x.t(1), x.option(2));

    "sum": |x, a| {
        let x = cast(x.t(0), a)?;
        sized(a, |dims, keep| x.try_sum_dim(if keep { keepdim(dims) } else { (dims).into() }), || x.try_sum())
    };
    "mean": |x, a| {
        let x = cast(x.t(0), a)?;
        sized(a, |dims, keep| x.try_mean_dim(if keep { keepdim(dims) } else { (dims).into() }), || x.try_mean())
    };
    "prod": |x, a| x.t(0).try_prod();
    "any": |x, a| x.t(0).try_any();
    "all": |x, a| x.t(0).try_all();
    "amax": |x, a| x.t(0).try_amax(if a.flag("keepdim", false) { keepdim(a.list("dim")) } else { (a.list("dim")).into() });
    "amin": |x, a| x.t(0).try_amin(if a.flag("keepdim", false) { keepdim(a.list("dim")) } else { (a.list("dim")).into() });
    "var": |x, a| {
        let (x, correction) = (x.t(0), a.float("correction", 1.0));
        sized(a, |dims, keep| x.try_var_dim_with(if keep { keepdim(dims) } else { (dims).into() }, VarOptions::new().correction(correction)), || x.try_var_with(VarOptions::new().correction(correction)))
    };
    "std": |x, a| {
        let (x, correction) = (x.t(0), a.float("correction", 1.0));
        sized(a, |dims, keep| x.try_std_dim_with(if keep { keepdim(dims) } else { (dims).into() }, VarOptions::new().correction(correction)), || x.try_std_with(VarOptions::new().correction(correction)))
    };
    "max": |x, a| {
        let x = x.t(0);
        let with_indices = |dims: Vec<i64>, keep| Ok(x.try_max_dim(if keep { keepdim(dims[0] as isize) } else { (dims[0] as isize).into() })?.list());
        sized(a, with_indices, || Ok(x.try_max()?.list()))
    };
    "min": |x, a| {
        let x = x.t(0);
        let with_indices = |dims: Vec<i64>, keep| Ok(x.try_min_dim(if keep { keepdim(dims[0] as isize) } else { (dims[0] as isize).into() })?.list());
        sized(a, with_indices, || Ok(x.try_min()?.list()))
    };
    "argmax": |x, a| {
        let x = x.t(0);
        sized(a, |dims, keep| x.try_argmax_dim(if keep { keepdim(dims[0] as isize) } else { (dims[0] as isize).into() }), || x.try_argmax())
    };
    "argmin": |x, a| {
        let x = x.t(0);
        sized(a, |dims, keep| x.try_argmin_dim(if keep { keepdim(dims[0] as isize) } else { (dims[0] as isize).into() }), || x.try_argmin())
    };

    "view": |x, a| x.t(0).try_view(a.list("shape"));
    "reshape": |x, a| x.t(0).try_reshape(a.list("shape"));
    "t": |x, a| x.t(0).try_t();
    "transpose": |x, a| x.t(0).try_transpose(a.dim("dim0"), a.dim("dim1"));
    "permute": |x, a| x.t(0).try_permute(a.list("dims"));
    "squeeze": |x, a| x.t(0).try_squeeze(a.list("dim"));
    "unsqueeze": |x, a| x.t(0).try_unsqueeze(a.dim("dim"));
    "expand": |x, a| x.t(0).try_expand(a.list("shape"));
    // Python may count the start from the end.
    "narrow": |x, a| {
        let (dim, start, length) = (a.dim("dim"), a.dim("start"), a.dim("length") as usize);
        let start = if start < 0 { start + x.t(0).size(dim) as isize } else { start };
        x.t(0).try_narrow(dim, start, length)
    };
    "select": |x, a| x.t(0).try_select(a.dim("dim"), a.dim("index"));
    "slice": |x, a| {
        let (start, end) = (a.int("start", 0) as isize, a.int("end", i64::MAX) as isize);
        x.t(0).try_slice_with(a.dim("dim"), start..end, SliceOptions::new().step(a.int("step", 1) as usize))
    };
    "flatten": |x, a| x.t(0).try_flatten_dim(a.dim("start_dim")..=a.dim("end_dim"));
    "clone": |x, a| x.t(0).try_copy();
    "contiguous": |x, a| x.t(0).try_contiguous();
    "cat": |x, a| Tensor::try_cat_dim(&x.all(), a.dim("dim"));
    "stack": |x, a| Tensor::try_stack_dim(&x.all(), a.dim("dim"));
    "to": |x, a| cast(x.t(0), a);

    "add_": |x, a| in_place(x, a, |part| match a.scalar("alpha") {
        Some(alpha) => part.try_add_scaled_(x.t(1), alpha.to_f64()),
        None => part.try_add_(x.operand(1)),
    });
    "sub_": |x, a| in_place(x, a, |part| part.try_sub_(x.operand(1)));
    "mul_": |x, a| in_place(x, a, |part| part.try_mul_(x.operand(1)));
    "div_": |x, a| in_place(x, a, |part| part.try_div_(x.operand(1)));
    "pow_": |x, a| in_place(x, a, |part| part.try_pow_(x.operand(1)));
    "copy_": |x, a| in_place(x, a, |part| part.try_copy_(x.t(1)));
    "fill_": |x, a| in_place(x, a, |part| part.try_fill_(x.0[1].number().expect("a number")));
    "zero_": |x, a| in_place(x, a, Tensor::try_zero_);
    "neg_": |x, a| in_place(x, a, Tensor::try_neg_);
    "relu_": |x, a| in_place(x, a, Tensor::try_relu_);
    "sigmoid_": |x, a| in_place(x, a, Tensor::try_sigmoid_);
    "tanh_": |x, a| in_place(x, a, Tensor::try_tanh_);
    "exp_": |x, a| in_place(x, a, Tensor::try_exp_);
    "log_": |x, a| in_place(x, a, Tensor::try_log_);
    "sqrt_": |x, a| in_place(x, a, Tensor::try_sqrt_);
    "abs_": |x, a| in_place(x, a, Tensor::try_abs_);
    "clamp_": |x, a| in_place(x, a, |part| part.try_clamp_(a.float("min", f64::NAN), a.float("max", f64::NAN)));

    "conv2d": |x, a| x.t(0).try_conv2d_with(x.t(1), x.option(2), window(a));
    "conv1d": |x, a| x.t(0).try_conv1d_with(x.t(1), x.option(2), window(a));
    "conv3d": |x, a| x.t(0).try_conv3d_with(x.t(1), x.option(2), window(a));
    "conv_transpose1d": |x, a| x.t(0).try_conv_transpose1d_with(x.t(1), x.option(2), transposed(a));
    "conv_transpose2d": |x, a| x.t(0).try_conv_transpose2d_with(x.t(1), x.option(2), transposed(a));
    "conv_transpose3d": |x, a| x.t(0).try_conv_transpose3d_with(x.t(1), x.option(2), transposed(a));
    "adaptive_avg_pool2d": |x, a| x.t(0).try_adaptive_avg_pool2d(a.sizes::<2>("output_size", 0));
    "max_pool2d": |x, a| {
        let kernel = a.sizes("kernel_size", 0);
        let stride = if a.has("stride") { a.sizes("stride", 0) } else { kernel };
        let (padding, dilation) = (a.sizes("padding", 0), a.sizes("dilation", 1));
        x.t(0).try_max_pool2d(MaxPoolOptions::new(kernel).stride(stride).padding(padding).dilation(dilation).ceil_mode(a.flag("ceil_mode", false)))
    };
    "avg_pool2d": |x, a| {
        let kernel = a.sizes("kernel_size", 0);
        let stride = if a.has("stride") { a.sizes("stride", 0) } else { kernel };
        let (ceil, count_pad) = (a.flag("ceil_mode", false), a.flag("count_include_pad", true));
        let divisor = a.has("divisor_override").then(|| a.int("divisor_override", 0) as usize);
        let options = AvgPoolOptions::new(kernel).stride(stride).padding(a.sizes("padding", 0)).ceil_mode(ceil);
        let options = options.count_include_pad(count_pad);
        x.t(0).try_avg_pool2d(match divisor {
            Some(divisor) => options.divisor_override(divisor),
            None => options,
        })
    };
    "batch_norm": |x, a| {
        let scaled = with(BatchNormOptions::new(), x.option(3), |options, weight| options.weight(weight));
        let shifted = with(scaled, x.option(4), |options, bias| options.bias(bias));
        let (training, momentum, eps) = (a.flag("training", false), a.float("momentum", 0.1), a.float("eps", 1e-5));
        x.t(0).try_batch_norm_with(x.option(1), x.option(2), shifted.training(training).momentum(momentum).eps(eps))
    };
    "dropout": |x, a| x.t(0).try_dropout_with(DropoutOptions::new().p(a.float("p", 0.5)).training(a.flag("training", true)));
    "mse_loss": |x, a| x.t(0).try_mse_loss_with(x.t(1), reduction(a));
    "l1_loss": |x, a| x.t(0).try_l1_loss_with(x.t(1), reduction(a));
    "nll_loss": |x, a| {
        let weighted = with(NllLossOptions::new(), x.option(2), |options, weight| options.weight(weight));
        x.t(0).try_nll_loss_with(x.t(1), weighted.ignore_index(a.int("ignore_index", -100)).reduction(reduction(a)))
    };
    "cross_entropy": |x, a| {
        let (ignore, smoothing) = (a.int("ignore_index", -100), a.float("label_smoothing", 0.0));
        let weighted = with(CrossEntropyOptions::new(), x.option(2), |options, weight| options.weight(weight));
        let options = weighted.ignore_index(ignore).reduction(reduction(a)).label_smoothing(smoothing);
        x.t(0).try_cross_entropy_with(x.t(1), options)
    };
    "binary_cross_entropy": |x, a| {
        let weighted = with(BinaryCrossEntropyOptions::new(), x.option(2), |options, weight| options.weight(weight));
        x.t(0).try_binary_cross_entropy_with(x.t(1), weighted.reduction(reduction(a)))
    };
    "binary_cross_entropy_with_logits": |x, a| {
        let options = BinaryCrossEntropyWithLogitsOptions::new().reduction(reduction(a));
        let weighted = with(options, x.option(2), |options, weight| options.weight(weight));
        let options = with(weighted, x.option(3), |options, weight| options.pos_weight(weight));
        x.t(0).try_binary_cross_entropy_with_logits_with(x.t(1), options)
    };
}
