//! The ten element types against PyTorch: promotion, casts, operations, creation, random fills, printing.

use crate::golden::{Golden, Tolerance, dtype, list, load, number, text};
use rushlight::ops::{
    AvgPoolOptions, BatchNormOptions, ConvOptions, CrossEntropyOptions, DropoutOptions, LeakyReluOptions,
    MaxPoolOptions, PadOptions,
};
use rushlight::{BackwardOptions, Bf16, DType, F16, Generator, Result, Tensor, TensorOptions};
use serde_json::Value;

/// Two units in the last place of float16, one of bfloat16: results computed in float32 may be rounded to either side
/// of a tie, and what PyTorch computes in several steps is rounded more than once.
fn tolerance(dtype: DType) -> Tolerance {
    match dtype {
        DType::F16 => Tolerance::SINGLE * 200.0,
        DType::Bf16 => Tolerance::SINGLE * 800.0,
        _ => Tolerance::SINGLE,
    }
}

/// Reports all failures together, so that one run shows them.
fn report(failures: Vec<String>, of: usize) {
    assert!(of > 0);
    let shown = failures.iter().take(40).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(failures.is_empty(), "{} of {of} failed:\n{shown}", failures.len());
}

#[test]
fn promotion_is_pytorchs() {
    let table = &load("dtypes")["promote"];
    let ones = |name: &Value| Tensor::ones([2]).to_dtype(dtype(text(name)));
    let zero_d = |tensor: &Tensor| tensor.select(0, 0);
    let mut failures = vec![];
    let mut expect = |got: DType, want: &Value, what: String| {
        if got != dtype(text(want)) {
            failures.push(format!("{what}: {got}, not {want}"));
        }
    };
    let pairs = list(&table["tensors"]);
    assert_eq!(pairs.len(), DType::ALL.len().pow(2));
    for pair in pairs {
        let (x, y) = (ones(&pair[0]), ones(&pair[1]));
        let (x0, y0) = (zero_d(&x), zero_d(&y));
        for (i, (a, b)) in [(&x, &y), (&x, &y0), (&x0, &y), (&x0, &y0)].into_iter().enumerate() {
            let name = format!("{} {:?} and {} {:?}", a.dtype(), a.shape(), b.dtype(), b.shape());
            expect((a + b).dtype(), &pair[i + 2], name);
        }
        expect(x.dtype().join(y.dtype()), &pair[2], format!("{} join {}", x.dtype(), y.dtype()));
    }
    for row in list(&table["numbers"]) {
        let x = ones(&row[0]);
        for (i, x) in [x.clone(), zero_d(&x)].iter().enumerate() {
            let want = &row[i + 1];
            expect((x + true).dtype(), &want[0], format!("{} {:?} and a bool", x.dtype(), x.shape()));
            expect((x + 2).dtype(), &want[1], format!("{} {:?} and an integer", x.dtype(), x.shape()));
            expect((x + 2.5).dtype(), &want[2], format!("{} {:?} and a float", x.dtype(), x.shape()));
        }
    }
    report(failures, pairs.len());
}

#[test]
fn casts_are_pytorchs() {
    let table = load("dtypes");
    let mut failures = vec![];
    for row in list(&table["cast"]) {
        let x = crate::golden::tensor(&row["x"]);
        for want in list(&row["as"]) {
            let want = Golden::parse(want);
            let got = x.to_dtype(want.dtype);
            if let Err(message) =
                want.compare(&format!("{} as {}", x.dtype(), want.dtype), &got, Tolerance::SINGLE * 0.0)
            {
                failures.push(message);
            }
        }
    }
    report(failures, list(&table["cast"]).len());
}

/// The operations of `generate_dtypes.py` on one tensor.
fn unary(op: &str, x: &Tensor) -> Option<Result<Tensor>> {
    let rows = || x.try_view([4, -1]);
    let index = |places: &[i64]| Tensor::from(places);
    Some(match op {
        "neg" => x.try_neg(),
        "abs" => x.try_abs(),
        "sign" => x.try_sign(),
        "square" => x.try_square(),
        "floor" => x.try_floor(),
        "ceil" => x.try_ceil(),
        "round" => x.try_round(),
        "trunc" => x.try_trunc(),
        "relu" => x.try_relu(),
        "relu6" => x.try_relu6(),
        "exp" => x.try_exp(),
        "expm1" => x.try_expm1(),
        "log" => x.try_log(),
        "log1p" => x.try_log1p(),
        "log2" => x.try_log2(),
        "log10" => x.try_log10(),
        "sqrt" => x.try_sqrt(),
        "rsqrt" => x.try_rsqrt(),
        "reciprocal" => x.try_reciprocal(),
        "sin" => x.try_sin(),
        "cos" => x.try_cos(),
        "tan" => x.try_tan(),
        "atan" => x.try_atan(),
        "sinh" => x.try_sinh(),
        "cosh" => x.try_cosh(),
        "erf" => x.try_erf(),
        "sigmoid" => x.try_sigmoid(),
        "tanh" => x.try_tanh(),
        "leaky_relu" => x.try_leaky_relu_with(LeakyReluOptions::new().negative_slope(0.1)),
        "logsigmoid" => x.try_logsigmoid(),
        "logical_not" => x.try_logical_not(),
        "isnan" => x.try_isnan(),
        "clamp" => x.try_clamp(-3, 5),
        "clamp_float" => x.try_clamp(0.1, None),
        "pow3" => x.try_pow(3),
        "pow_float" => x.try_pow(0.7),
        "add_number" => x.try_add(3),
        "add_float" => x.try_add(0.1),
        "mul_number" => x.try_mul(300),
        "mul_float" => x.try_mul(0.3),
        "sub_number" => x.try_sub(7),
        "rsub_number" => rushlight::catch(|| 5 - x),
        "rsub_float" => rushlight::catch(|| 0.3 - x),
        "div_number" => x.try_div(3),
        "div_float" => x.try_div(0.3),
        "rdiv" => rushlight::catch(|| 2.5 / x),
        "remainder_number" => x.try_remainder(3),
        "remainder_float" => x.try_remainder(0.7),
        "floor_divide" => x.try_floor_divide(3),
        "eq_number" => x.try_eq(2),
        "lt_float" => x.try_lt(0.3),
        "rpow" => x.try_rpow(2),
        "mul_0d" => x.try_mul(Tensor::from(0.3f32)),
        "masked_fill" => x.try_gt(2).and_then(|mask| x.try_masked_fill(&mask, 9)),
        "sum" => x.try_sum(),
        "mean" => x.try_mean(),
        "prod" => x.try_prod(),
        "max" => x.try_max(),
        "min" => x.try_min(),
        "any" => x.try_any(),
        "all" => x.try_all(),
        "var" => x.try_var(),
        "std" => x.try_std(),
        "argmax" => x.try_argmax(),
        "argmin" => x.try_argmin(),
        "sum_dim" => rows().and_then(|x| x.try_sum_dim(0)),
        "amax" => rows().and_then(|x| x.try_amax(1)),
        "var_dim" => rows().and_then(|x| x.try_var_dim(1)),
        "max_dim" => rows().and_then(|x| x.try_max_dim(1)).and_then(|(x, at)| Tensor::try_cat([&x, &at])),
        "gather" => x.try_gather(0, &index(&[3, 0, 3])),
        "index_select" => x.try_index_select(0, &index(&[1, 5, 1])),
        "pad" => x.try_pad_with([1, 2], PadOptions::new().value(1)),
        "scatter_add" => x.try_narrow(0, 3, 3).and_then(|part| x.try_scatter_add(0, &index(&[0, 2, 0]), &part)),
        "flip_view" => rows().and_then(|x| x.try_t()?.try_add(1)),
        "zeros_like" => x.try_zeros_like(),
        "full_like" => x.try_full_like(1),
        "matvec" => rows().and_then(|rows| rows.try_matmul(&x.try_narrow(0, 0, 3)?)),
        "matmul" => rows().and_then(|rows| rows.try_matmul(&rows.try_t()?)),
        "bmm" => x.try_view([2, 2, 3]).and_then(|a| a.try_bmm(&x.try_view([2, 3, 2])?)),
        _ => return layer(op, x),
    })
}

/// The layers of `generate_dtypes.py`.
fn layer(op: &str, x: &Tensor) -> Option<Result<Tensor>> {
    let part = |start: isize, length: usize| x.narrow(0, start, length);
    let rows = x.view([4, 3]);
    let image = x.view([1, 1, 4, 3]);
    let target = Tensor::from([0, 2, 1, 1]);
    Some(match op {
        "softmax" => rows.try_softmax(1),
        "log_softmax" => rows.try_log_softmax(0),
        "max_pool2d" => image.try_max_pool2d(MaxPoolOptions::new(2).stride(1)),
        "avg_pool2d" => image.try_avg_pool2d(AvgPoolOptions::new(2).stride(1)),
        "adaptive_avg_pool2d" => image.try_adaptive_avg_pool2d([2; 2]),
        "conv2d" => {
            let weight = part(0, 4).view([1, 1, 2, 2]);
            image.try_conv2d_with(&weight, &part(5, 1), ConvOptions::new().padding(1))
        }
        "batch_norm" => {
            let options = BatchNormOptions::new().weight(part(0, 3)).bias(part(3, 3)).training(true);
            rows.try_batch_norm_with(None, None, options)
        }
        "batch_norm_eval" => {
            let running = (part(0, 3).detach(), part(3, 3).detach().abs() + 1);
            rows.try_batch_norm_with(&running.0, &running.1, BatchNormOptions::new().bias(part(3, 3)))
        }
        "cross_entropy" => rows.try_cross_entropy_with(&target, CrossEntropyOptions::new().label_smoothing(0.1)),
        "nll_loss" => rows.try_nll_loss(&target),
        "mse_loss" => part(0, 6).try_mse_loss(&part(6, 6)),
        "linear" => rows.try_linear(&part(0, 6).view([2, 3]), &part(6, 2)),
        _ => return None,
    })
}

/// The operations of `generate_dtypes.py` on two tensors.
fn binary(op: &str, a: &Tensor, b: &Tensor) -> Option<Result<Tensor>> {
    Some(match op {
        "add" => a.try_add(b),
        "sub" => a.try_sub(b),
        "mul" => a.try_mul(b),
        "div" => a.try_div(b),
        "remainder" => a.try_remainder(b),
        "floor_divide" => a.try_floor_divide(b),
        "pow" => a.try_pow(b),
        "maximum" => a.try_maximum(b),
        "minimum" => a.try_minimum(b),
        "eq" => a.try_eq(b),
        "ne" => a.try_ne(b),
        "lt" => a.try_lt(b),
        "le" => a.try_le(b),
        "gt" => a.try_gt(b),
        "ge" => a.try_ge(b),
        "logical_and" => a.try_logical_and(b),
        "logical_or" => a.try_logical_or(b),
        "logical_xor" => a.try_logical_xor(b),
        "where" => a.try_gt(b).and_then(|condition| a.try_where_cond(&condition, b)),
        "cat" => Tensor::try_cat([a, b]),
        "add_" => a.copy().try_add_(b),
        "mul_" => a.copy().try_mul_(b),
        "copy_" => a.copy().try_copy_(b),
        _ => return None,
    })
}

fn check_call(case: &Value) -> std::result::Result<(), String> {
    let inputs: Vec<Tensor> = list(&case["inputs"]).iter().map(crate::golden::tensor).collect();
    let differentiated = case.get("grads").is_some();
    let leaves: Vec<Tensor> =
        inputs.into_iter().map(|x| if differentiated { x.requires_grad_(true) } else { x }).collect();
    let op = text(&case["op"]);
    let types: Vec<&str> = leaves.iter().map(|x| x.dtype().name()).collect();
    let what = format!("{op} of {}", types.join(" and "));
    let out = match &leaves[..] {
        [x] => unary(op, x),
        [a, b] => binary(op, a, b),
        _ => None,
    };
    let out = out.unwrap_or_else(|| panic!("{op} is not in the test's table"));
    let want = match (&case["out"], out) {
        (Value::Null, Err(error)) => {
            let message = error.to_string();
            let named = types.iter().any(|name| message.contains(name)) || message.contains("floating");
            return if named { Ok(()) } else { Err(format!("{what}: the error does not name the type: {message}")) };
        }
        (Value::Null, Ok(out)) => return Err(format!("{what} gives {out}, but PyTorch rejects it")),
        (_, Err(error)) => return Err(format!("{what}: {error}")),
        (want, Ok(out)) => (Golden::parse(want), out),
    };
    let (want, out) = want;
    want.compare(&what, &out, tolerance(want.dtype))?;
    if !differentiated {
        return Ok(());
    }
    let weights = Tensor::arange(out.numel()).view(out.shape()).remainder(5) + 1;
    let gradient = weights.to_dtype(out.dtype()) / 2;
    out.try_backward_with(BackwardOptions::new().gradient(gradient)).map_err(|error| format!("{what}: {error}"))?;
    for (x, want) in leaves.iter().zip(list(&case["grads"])) {
        match (want, x.grad()) {
            (Value::Null, None) => {}
            (Value::Null, Some(grad)) if grad.eq(0).all().item_as::<bool>() => {}
            (want, Some(grad)) if !want.is_null() => {
                let want = Golden::parse(want);
                want.compare(&format!("gradient of {what}"), &grad, tolerance(want.dtype) * 4.0)?;
            }
            (want, got) => return Err(format!("gradient of {what}: {got:?}, not {want}")),
        }
    }
    Ok(())
}

#[test]
fn operations_accept_the_types_that_pytorch_accepts() {
    let table = load("dtypes");
    let cases = list(&table["call"]);
    report(cases.iter().filter_map(|case| check_call(case).err()).collect(), cases.len());
}

#[test]
fn creation_gives_every_type() {
    let table = load("dtypes");
    let mut failures = vec![];
    for case in list(&table["create"]) {
        let (op, name) = (text(&case["op"]), text(&case["dtype"]));
        let options = TensorOptions::new().dtype(dtype(name)).generator(Generator::from_seed(5));
        let out = match op {
            "zeros" => Tensor::try_zeros_with([3], options),
            "ones" => Tensor::try_ones_with([2, 2], options),
            "full" => Tensor::try_full_with([2], 1.75, options),
            "eye" => Tensor::try_eye_with(3, options),
            "arange" => Tensor::try_arange_with((0, 6, 2), options),
            "arange_float" => Tensor::try_arange_with((0.0, 1.0, 0.1), options),
            "linspace" => Tensor::try_linspace_with(0.0, 7.0, 5, options),
            "linspace_float" => Tensor::try_linspace_with(-1.3, 2.9, 11, options),
            "randperm" => Tensor::try_randperm_with(7, options),
            other => panic!("{other} is not in the test's table"),
        };
        match (&case["out"], out) {
            (Value::Null, Err(error)) if error.to_string().contains(dtype(name).name()) => {}
            (Value::Null, out) => failures.push(format!("{op} of {name}: {out:?}, but PyTorch rejects the type")),
            (_, Err(error)) => failures.push(format!("{op} of {name}: {error}")),
            (want, Ok(out)) => {
                let want = Golden::parse(want);
                failures.extend(want.compare(&format!("{op} of {name}"), &out, Tolerance::SINGLE * 0.02).err());
            }
        }
    }
    report(failures, list(&table["create"]).len());
}

#[test]
fn random_fills_are_pytorchs() {
    let table = load("dtypes");
    let mut failures = vec![];
    let _alone = crate::default_generator();
    for case in list(&table["random"]) {
        let (op, name, size) = (text(&case["op"]), text(&case["dtype"]), number(&case["size"]) as usize);
        rushlight::manual_seed(size as u64 + 3);
        let t = Tensor::zeros_with([size], dtype(name));
        let low = if ["bool", "u8"].contains(&name) { 0 } else { -7 };
        let out = match op {
            "uniform" => t.try_uniform_(-1.5..2.25),
            "rand" => t.try_uniform_(..),
            "normal" => t.try_normal_(0.5, 2.0),
            "randint" => t.try_random_(low..if name == "bool" { 2 } else { 100 }),
            "bernoulli" => t.try_bernoulli_(0.3),
            "dropout" => t.ones_like().try_dropout_with(DropoutOptions::new().p(0.3)),
            other => panic!("{other} is not in the test's table"),
        };
        let what = format!("{op} of {size} {name}");
        match (&case["out"], out) {
            (Value::Null, Err(error)) if error.to_string().contains(dtype(name).name()) => {}
            (Value::Null, out) => failures.push(format!("{what}: {out:?}, but PyTorch rejects the type")),
            (_, Err(error)) => failures.push(format!("{what}: {error}")),
            (want, Ok(out)) => {
                let shown = Tensor::cat([&out.slice(0, ..30), &out.slice(0, -30..)]);
                failures.extend(Golden::parse(want).compare(&what, &shown, Tolerance::DOUBLE).err());
                let next = Tensor::randint(1 << 20, [1]).item_as::<i64>();
                if next as f64 != number(&case["next"]) {
                    failures.push(format!("{what}: the next draw is {next}, but PyTorch draws {}", case["next"]));
                }
            }
        }
    }
    report(failures, list(&table["random"]).len());
}

#[test]
fn tensors_print_as_pytorchs() {
    let table = load("dtypes");
    for case in list(&table["print"]) {
        assert_eq!(crate::golden::tensor(&case["x"]).to_string(), text(&case["text"]));
    }
}

#[test]
fn rust_types_become_tensors_and_back() {
    let halves = [1.5f32, -2.0, 65504.0].map(F16::from_f32);
    let x = Tensor::from(halves);
    assert_eq!((x.dtype(), x.to_vec::<F16>()), (DType::F16, halves.to_vec()));
    assert_eq!(Tensor::from(Bf16::from_f32(3.0)).item_as::<f64>(), 3.0);
    assert_eq!(Tensor::from([[1u8, 2], [3, 255]]).dtype(), DType::U8);
    assert_eq!(Tensor::from(vec![-128i8, 127]).to_vec::<i8>(), [-128, 127]);
    assert_eq!(Tensor::from(&[-300i16][..]).dtype(), DType::I16);
    assert_eq!(Tensor::from_slice(&[1i32 << 30], [1]).dtype(), DType::I32);
    // The type of literals is int64, as in PyTorch.
    assert_eq!(Tensor::from([1, 2]).dtype(), DType::I64);
    assert_eq!(DType::of::<F16>(), DType::F16);
    let error = x.try_to_vec::<f32>().unwrap_err().to_string();
    assert!(error.contains("float16") && error.contains("float32"), "{error}");
}

#[test]
fn indices_are_int64_or_where_pytorch_takes_them_int32() {
    let x = Tensor::from([10u8, 20, 30]);
    let index = Tensor::from([2, 0]).to_dtype(DType::I32);
    assert_eq!(x.index_select(0, &index).to_vec::<u8>(), [30, 10]);
    let error = x.try_gather(0, &index).unwrap_err().to_string();
    assert!(error.contains("int64") && error.contains("int32"), "{error}");
}

#[test]
fn gradients_have_the_type_of_their_tensor() {
    // A 0-d tensor of another type that requires a gradient gets one of its own type.
    let scale = Tensor::from(0.3f32).requires_grad_(true);
    let x = Tensor::from([1.0f32, 2.0]).to_dtype(DType::F16).requires_grad_(true);
    let y = &x * &scale;
    assert_eq!(y.dtype(), DType::F16);
    y.sum().backward();
    assert_eq!(scale.grad().unwrap().dtype(), DType::F32);
    assert_eq!(x.grad().unwrap().dtype(), DType::F16);
    // Broadcasting in 16-bit floats sums the gradient.
    let row = Tensor::from([0.5f32, 0.25]).to_dtype(DType::Bf16).requires_grad_(true);
    (Tensor::ones([3, 2]).to_dtype(DType::Bf16) * &row).sum().backward();
    assert_eq!(row.grad().unwrap().to_dtype(DType::F32).to_vec::<f32>(), [3.0, 3.0]);
}

#[test]
fn numbers_that_the_dtype_cannot_represent() {
    // Values and refusals of PyTorch 2.15. What stores a number refuses one that is out of range,
    let (u, mask) = (Tensor::from([1u8, 2]), Tensor::from([false, true]));
    let half = Tensor::ones([1]).to_dtype(DType::F16);
    let none = Tensor::zeros_with(0, DType::U8);
    for (op, result) in [
        ("full", Tensor::try_full_with([2], 300, DType::U8)),
        ("full", Tensor::try_full_with([2], -256, DType::U8)),
        ("full", Tensor::try_full_with([2], f64::NAN, DType::I32)),
        ("full", Tensor::try_full([2], 1e39)),
        ("full_like", u.try_full_like(300)),
        ("fill_", u.copy().try_fill_(300)),
        ("fill_", none.try_fill_(300)),
        ("fill_", half.copy().try_fill_(65520)),
        ("masked_fill", u.try_masked_fill(&mask, 300)),
        ("where", u.try_where_cond(&mask, 300)),
        ("pad", u.try_pad_with([1, 1], 300)),
        ("pad", half.try_pad_with([1, 1], 1e10)),
        ("threshold", u.try_threshold(0, 300)),
        ("threshold", u.try_threshold(300, 5)),
        ("threshold", Tensor::ones([1]).try_threshold(0, 1e39)),
        ("pow", u.try_pow(300)),
        ("pow_", u.copy().try_pow_(300)),
    ] {
        let error = result.expect_err(op).to_string();
        assert!(error.starts_with(&format!("{op}: expected a number that ")), "{error}");
    }
    // except that negative ones wrap in unsigned types, and everything is a boolean;
    assert_eq!(u.full_like(-1).to_vec::<u8>(), [255, 255]);
    assert_eq!(Tensor::full_with([2], 1.7, DType::U8).to_vec::<u8>(), [1, 1]);
    assert_eq!(Tensor::full_with([1], f64::NAN, DType::Bool).to_vec::<bool>(), [true]);
    assert_eq!(half.full_like(f64::INFINITY).to_string(), "tensor([inf], dtype=torch.float16)");
    // arithmetic wraps, and so do tensors.
    assert_eq!((&u + 300).to_vec::<u8>(), [45, 46]);
    assert_eq!((&u - 300).to_vec::<u8>(), [213, 214]);
    assert_eq!((&u * 300).to_vec::<u8>(), [44, 88]);
    assert_eq!(u.lt(300).to_vec::<bool>(), [true, true]);
    assert_eq!(u.eq(300).to_vec::<bool>(), [false, false]);
    assert_eq!(u.floor_divide(300).to_vec::<u8>(), [0, 0]);
    assert_eq!(u.remainder(300).to_vec::<u8>(), [1, 2]);
    assert_eq!(u.maximum(Tensor::from(300)).to_vec::<u8>(), [44, 44]);
    assert_eq!((&half + 1e10).to_string(), "tensor([inf], dtype=torch.float16)");
    assert_eq!(half.lt(1e10).to_vec::<bool>(), [true]);
}
