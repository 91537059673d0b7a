//! What failing operations look like to the user: a panic at the user's own line, a typed error behind it, and a
//! message that names the operation, the offending values and the rule.

use rushlight::keepdim;
use rushlight::ops::{AvgPoolOptions, BatchNormOptions, ConvOptions, MaxPoolOptions};
use rushlight::ops::{DropoutOptions, SliceOptions};
use rushlight::{BackwardOptions, DType, Error, Generator, Tensor, TensorOptions, catch};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    /// File, line and text of the last panic on this thread, while a test is listening.
    static LAST: RefCell<Option<(String, u32, String)>> = const { RefCell::new(None) };
    static LISTENING: RefCell<bool> = const { RefCell::new(false) };
}

/// Where `f` panics, and with which text.
fn panic_of<T>(f: impl FnOnce() -> T) -> (String, u32, String) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !LISTENING.with_borrow(|listening| *listening) {
                return usual(info);
            }
            let place = info.location().expect("panics have a location");
            let text = info.payload_as_str().unwrap_or_default().to_owned();
            LAST.set(Some((place.file().to_owned(), place.line(), text)));
        }));
    });
    LISTENING.set(true);
    let result = catch_unwind(AssertUnwindSafe(f));
    LISTENING.set(false);
    assert!(result.is_err(), "no panic");
    LAST.take().expect("the hook was called")
}

/// Asserts that the expression panics at this very line, with a text that begins with the given one.
macro_rules! panics_here {
    ($text:literal, $call:expr) => {{
        let (file, line, text) = panic_of(|| $call);
        assert_eq!((file.as_str(), line), (file!(), line!()), "`{}` says: {text}", stringify!($call));
        assert!(text.starts_with($text), "`{}` says: {text}", stringify!($call));
    }};
}

fn f32s(shape: &[usize]) -> Tensor {
    Tensor::ones(shape)
}

#[test]
fn methods_panic_at_the_line_of_their_caller() {
    let (a, b) = (f32s(&[2, 3]), f32s(&[4]));
    let whole = Tensor::from([1, 2]);
    panics_here!("add: ", a.add(&b));
    panics_here!("add: ", a.add(b.clone()));
    panics_here!("matmul: ", a.matmul(&b));
    panics_here!("linear: ", a.linear(&b, None));
    panics_here!("view: ", a.view([4]));
    panics_here!("reshape: ", a.reshape([5]));
    panics_here!("sum: ", a.sum_dim(2));
    panics_here!("max: ", a.max_dim(5));
    panics_here!("softmax: ", whole.softmax(0));
    panics_here!("cat: ", Tensor::cat([&a, &b]));
    panics_here!("gather: ", a.gather(1, &Tensor::from([[3]])));
    panics_here!("add_: ", b.add_(&a));
    panics_here!("copy_: ", b.copy_(&a));
    panics_here!("item: ", a.item_as::<f32>());
    panics_here!("to_vec: ", a.to_vec::<i64>());
    panics_here!("from_slice: ", Tensor::from_slice(&[1.0f32], [2]));
    panics_here!("from_vec: ", Tensor::from_vec(vec![1.0f32], [2]));
    panics_here!("arange: ", Tensor::arange((0, 1, 0)));
    panics_here!("zeros: ", Tensor::zeros([-1, 2]));
    panics_here!("requires_grad_: ", whole.requires_grad_(true));
    panics_here!("backward: ", a.backward());
    panics_here!("backward: ", a.backward_with(BackwardOptions::default()));
    panics_here!("size: ", a.size(2));
    panics_here!("conv2d: ", a.conv2d(&b, None));
    panics_here!("mse_loss: ", whole.mse_loss(&a));
    panics_here!("randint: ", Tensor::randint(3..3, [2]));
    panics_here!("full: ", Tensor::full_with([-2], 1.0, TensorOptions::new()));
}

#[test]
fn operators_panic_at_the_line_of_their_caller() {
    let (a, b, truth) = (f32s(&[2, 3]), f32s(&[4]), Tensor::from([true]));
    let own = |t: &Tensor| t.clone();
    panics_here!("add: ", &a + &b);
    panics_here!("add: ", own(&a) + &b);
    panics_here!("add: ", &a + own(&b));
    panics_here!("add: ", own(&a) + own(&b));
    panics_here!("sub: ", &a - &b);
    panics_here!("mul: ", &a * &b);
    panics_here!("div: ", &a / &b);
    panics_here!("remainder: ", &a % &b);
    panics_here!("logical_and: ", &a & &b);
    panics_here!("logical_or: ", &a | &b);
    panics_here!("logical_xor: ", &a ^ &b);
    panics_here!("neg: ", -&truth);
    panics_here!("neg: ", -own(&truth));
    panics_here!("sub: ", &truth - true);
    panics_here!("sub: ", true - &truth);
    panics_here!("sub: ", 1 - own(&truth));
    let mut c = own(&b);
    panics_here!("add_: ", c += &a);
    panics_here!("sub_: ", c -= own(&a));
    panics_here!("mul_: ", c *= &a);
    panics_here!("div_: ", c /= &a);
}

#[test]
fn catch_returns_the_error_itself() {
    let (a, b) = (f32s(&[2, 3]), f32s(&[4]));
    let quiet = |f: &dyn Fn() -> Tensor| {
        let before = LISTENING.replace(true);
        let result = catch(f);
        LISTENING.set(before);
        result
    };
    panic_of(|| panic!("so that the hook is installed"));
    assert!(matches!(quiet(&|| &a + &b), Err(Error::Shape { op: "add", .. })));
    assert!(matches!(quiet(&|| a.gather(1, &Tensor::from([[7], [0]]))), Err(Error::Index { op: "gather", .. })));
    assert!(matches!(quiet(&|| Tensor::from([1, 2]).softmax(0)), Err(Error::DType { op: "softmax", .. })));
    assert!(matches!(quiet(&|| a.dropout_with(DropoutOptions::new().p(2.0))), Err(Error::Value { op: "dropout", .. })));
    assert!(quiet(&|| &a + 1.0).is_ok());
    // Nested, and after an unrelated panic.
    let nested = quiet(&|| {
        assert!(quiet(&|| &a + &b).is_err());
        &a * &b
    });
    assert!(matches!(nested, Err(Error::Shape { op: "mul", .. })));
    let (_, _, text) = panic_of(|| catch(|| -> Tensor { panic!("something else") }));
    assert_eq!(text, "something else");
    let (_, _, text) = panic_of(|| {
        catch(|| {
            let _ = quiet(&|| &a + &b);
            panic!("something else") as ()
        })
    });
    assert_eq!(text, "something else");
    // The error of an operation that failed on another thread stays on that thread.
    let result = catch_unwind(|| {
        let (a, b) = (f32s(&[2, 3]), f32s(&[4]));
        std::thread::spawn(move || {
            LISTENING.set(true);
            let _ = &a + &b;
        })
        .join()
        .is_err()
    });
    assert!(result.unwrap());
}

/// The call fails with a message that contains all of the parts.
macro_rules! says {
    ($call:expr, $($part:literal),+) => {{
        let text = match $call {
            Ok(_) => panic!("`{}` is no error", stringify!($call)),
            Err(error) => error.to_string(),
        };
        $(assert!(text.contains($part), "`{}` does not contain `{}` but says: {text}", stringify!($call), $part);)+
    }};
}

#[test]
fn messages_name_the_operation_and_both_shapes() {
    let (a, b, v) = (f32s(&[2, 3]), f32s(&[4, 5]), f32s(&[4]));
    let index = Tensor::from([[0]]);
    says!(a.try_add(&v), "add: ", "[2, 3]", "[4]", "dimension 1", "sizes 3 and 4");
    says!(a.try_sub(&v), "sub: ", "[2, 3]", "[4]");
    says!(a.try_mul(&v), "mul: ", "[2, 3]", "[4]");
    says!(a.try_div(&v), "div: ", "[2, 3]", "[4]");
    says!(a.try_pow(&v), "pow: ", "[2, 3]", "[4]");
    says!(a.try_remainder(&v), "remainder: ", "[2, 3]", "[4]");
    says!(a.try_floor_divide(&v), "floor_divide: ", "[2, 3]", "[4]");
    says!(a.try_maximum(&v), "maximum: ", "[2, 3]", "[4]");
    says!(a.try_minimum(&v), "minimum: ", "[2, 3]", "[4]");
    says!(a.try_eq(&v), "eq: ", "[2, 3]", "[4]");
    says!(a.try_ge(&v), "ge: ", "[2, 3]", "[4]");
    says!(a.try_logical_and(&v), "logical_and: ", "[2, 3]", "[4]");
    says!(a.try_where_cond(&a.gt(0), &v), "where: ", "[2, 3]", "[4]");
    says!(a.try_where_cond(&v.gt(0), 1.0), "where: ", "[2, 3]", "[4]");
    says!(a.try_masked_fill(&v.gt(0), 1.0), "masked_fill: ", "[2, 3]", "[4]");
    says!(a.try_matmul(&b), "matmul: ", "[2, 3]", "[4, 5]", "last");
    says!(a.try_mm(&b), "mm: ", "[2, 3]", "[4, 5]");
    says!(a.try_mm(&v), "mm: ", "[2, 3]", "[4]", "matrices");
    says!(a.try_bmm(&b), "bmm: ", "[2, 3]", "[4, 5]");
    says!(f32s(&[2, 3, 4]).try_matmul(&f32s(&[3, 4, 5])), "matmul: ", "[2, 3, 4]", "[3, 4, 5]", "batch");
    says!(
        a.try_linear(&b, None),
        "linear: ",
        "[2, 3]",
        "[4, 5]",
        "got 3 features",
        "expected an input with 5 features"
    );
    says!(a.try_linear(&f32s(&[4, 3]), Some(&f32s(&[3]))), "linear: ", "bias", "[3]", "[4]");
    says!(v.try_addmm(&a, &f32s(&[3, 5])), "addmm: ", "[4]", "[2, 5]");
    says!(v.try_add_(&a), "add_: ", "[2, 3]", "[4]");
    says!(v.try_copy_(&a), "copy_: ", "[2, 3]", "[4]");
    says!(a.try_view([4, -1]), "view: ", "[4, -1]", "6 elements");
    says!(a.t().try_view([6]), "view: ", "[3, 2]", "strides [1, 3]", "[6]", "reshape");
    says!(a.try_expand([2, 4]), "expand: ", "[2, 3]", "[2, 4]");
    let repeated = f32s(&[1]).expand([3]);
    says!(repeated.try_add_(1), "add_: ", "expanded", "[3]");
    says!(repeated.try_uniform_(0.0..1.0), "uniform_: ", "expanded", "[3]");
    says!(repeated.try_normal_(0.0, 1.0), "normal_: ", "expanded", "[3]");
    says!(repeated.try_random_(..), "random_: ", "expanded", "[3]");
    says!(repeated.try_bernoulli_(0.5), "bernoulli_: ", "expanded", "[3]");
    says!(a.try_narrow(1, 2, 2), "narrow: ", "2 indices from 2", "dimension 1", "[2, 3]");
    says!(a.try_select(1, 3), "select: ", "index 3", "dimension 1", "[2, 3]");
    says!(a.try_permute([0, 0]), "permute: ", "[0, 0]");
    says!(a.try_transpose(0, 2), "transpose: ", "dimension 2", "-2 to 1");
    says!(Tensor::try_cat([&a, &b]), "cat: ", "[4, 5]", "[2, 3]", "dimension 0");
    says!(Tensor::try_stack([&a, &v]), "stack: ", "[4]", "[2, 3]");
    says!(v.try_gather(0, &index), "gather: ", "[1, 1]", "[4]");
    says!(a.try_gather(1, &Tensor::from([[5]])), "gather: ", "index 5", "size 3");
    says!(a.try_scatter_add(0, &index, &a), "scatter_add: ", "[2, 3]", "[1, 1]");
    says!(a.try_index_select(0, &Tensor::from([0, 2])), "index_select: ", "index 2", "position 1", "size 2");
    says!(a.try_mse_loss(&v), "mse_loss: ", "[2, 3]", "[4]");
    says!(a.try_binary_cross_entropy(&v), "binary_cross_entropy: ", "[2, 3]", "[4]");
    let loss = |target: &Tensor| a.try_cross_entropy(target);
    says!(loss(&Tensor::from([0, 1, 2])), "cross_entropy: ", "[2, 3]", "[3]");
    says!(loss(&Tensor::from([0, 3])), "cross_entropy: ", "target 3", "position 1", "3 classes");
    says!(loss(&Tensor::from([-1, 0])), "cross_entropy: ", "target -1", "3 classes");
    let images = f32s(&[1, 3, 8, 8]);
    says!(images.try_conv2d(&f32s(&[4, 2, 3, 3]), None), "conv2d: ", "[4, 2, 3, 3]", "[1, 3, 8, 8]", "channels");
    says!(images.try_conv2d(&f32s(&[4, 3, 9, 9]), None), "conv2d: ", "[4, 3, 9, 9]", "larger");
    says!(images.try_max_pool2d(MaxPoolOptions::new(9).stride(1)), "max_pool2d: ", "[1, 3, 8, 8]");
    says!(
        images.try_batch_norm_with(None, None, BatchNormOptions::new().weight(&v).training(true)),
        "batch_norm: ",
        "[1, 3, 8, 8]",
        "[4]",
        "weight"
    );
}

#[test]
fn messages_name_the_types() {
    let (f, d, i, b) = (f32s(&[2]), f32s(&[2]).to_dtype(DType::F64), Tensor::from([1, 2]), Tensor::from([true, false]));
    says!(f.try_matmul(&d), "matmul: ", "float32", "float64", "to_dtype");
    says!(f.try_linear(&d.view([1, 2]), None), "linear: ", "float32", "float64");
    says!(i.try_mean(), "mean: ", "int64");
    says!(i.try_softmax(0), "softmax: ", "int64");
    says!(i.try_var(), "var: ", "int64");
    says!(i.try_add_(0.5), "add_: ", "float32", "int64");
    says!(i.try_div_(2), "div_: ", "float32", "int64");
    says!(b.try_add_(1), "add_: ", "int64", "bool");
    says!(b.try_neg(), "neg: ", "bool", "logical_not");
    says!(f.try_gather(0, &f), "gather: ", "int64", "float32");
    says!(f.try_where_cond(&f, 1.0), "where: ", "bool", "float32");
    says!(f.try_to_vec::<f64>(), "to_vec: ", "float32", "float64", "to_dtype");
    says!(i.try_pow(-1), "pow: ", "at least 0", "got -1");
    says!(i.try_uniform_(0.0..1.0), "uniform_: ", "int64");
    says!(i.try_remainder(0), "remainder: ", "got zero");
    says!(i.try_floor_divide(0), "floor_divide: ", "got zero");
    says!(b.try_relu(), "relu: ", "bool");
    says!(b.try_remainder(&b), "remainder: ", "bool");
    says!(b.try_exp_(), "exp_: ", "bool");
    says!(i.try_sqrt_(), "sqrt_: ", "int64");
}

/// Extreme sizes and values are rejected or work; none of them aborts the program.
#[test]
fn absurd_arguments_are_errors() {
    let x = f32s(&[2, 3]);
    let (least, most) = (isize::MIN, isize::MAX);
    for dim in [least, least + 1, -3, 2, most] {
        assert!(x.try_sum_dim(dim).is_err());
        assert!(x.try_softmax(dim).is_err());
        assert!(x.try_select(dim, 0).is_err());
        assert!(x.try_narrow(dim, 0, 1).is_err());
        assert!(x.try_transpose(dim, 0).is_err());
        assert!(x.try_flatten_dim(0..=dim).is_err());
        assert!(x.try_max_dim(keepdim(dim)).is_err());
        assert!(Tensor::try_cat_dim([&x, &x], dim).is_err());
        assert!(x.try_gather(dim, &Tensor::from([[0]])).is_err());
    }
    for index in [least, -4, 3, most] {
        assert!(x.try_select(1, index).is_err());
    }
    assert!(x.try_unsqueeze(most).is_err() && x.try_unsqueeze(least).is_err());
    assert!(x.try_narrow(0, isize::MAX, 1).is_err());
    assert!(x.try_narrow(0, 1, usize::MAX).is_err());
    assert_eq!(x.slice_with(1, least..most, SliceOptions::new().step(usize::MAX)).shape(), [2, 1]);
    assert_eq!(x.slice(1, most..least).shape(), [2, 0]);
    for shape in [[-1, -1], [least, 2], [most, most], [1 << 40, 1 << 40], [0, -1]] {
        assert!(x.try_view(shape).is_err() && x.try_reshape(shape).is_err());
    }
    for shape in [[most, most], [most, 1], [-1, 1], [least, 1], [1 << 32, 1 << 32]] {
        assert!(Tensor::try_zeros(shape).is_err());
        assert!(Tensor::try_randn(shape).is_err());
    }
    assert!(Tensor::try_zeros([1usize; 9]).is_err());
    assert!(Tensor::try_ones([1usize; 8]).unwrap().try_unsqueeze(0).is_err());
    assert!(x.try_expand([most, 2, 3]).is_err());
    assert!(x.try_split(0).is_err() && x.try_chunk(0).is_err());
    assert_eq!(x.chunk(usize::MAX).len(), 2);
    assert!(Tensor::try_arange(i64::MAX).is_err());
    assert!(Tensor::try_arange(i64::MIN..i64::MAX).is_err());
    assert!(Tensor::try_arange((0.0, f64::INFINITY, 1.0)).is_err());
    assert!(Tensor::try_arange((0.0, 1.0, 1e-300)).is_err());
    assert!(Tensor::try_linspace(0.0, 1.0, usize::MAX).is_err());
    assert!(Tensor::try_eye(usize::MAX).is_err());
    assert!(Tensor::try_randint(5..5, [1]).is_err());
    let own = TensorOptions::new().generator(Generator::from_seed(0));
    assert!(Tensor::try_randint_with(i64::MIN..i64::MAX, [4], own).is_ok());
    for p in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert!(x.try_dropout_with(DropoutOptions::new().p(p)).is_err(), "{p}");
        assert!(x.copy().try_bernoulli_(p).is_err(), "{p}");
    }
    assert!(x.copy().try_normal_(0.0, -1.0).is_err());
    assert!(x.copy().try_uniform_(1.0..0.0).is_err());
    let (images, weight) = (f32s(&[1, 1, 4, 4]), f32s(&[1, 1, 2, 2]));
    for n in [usize::MAX, usize::MAX / 2, 1 << 62, 1 << 40] {
        assert!(images.try_conv2d_with(&weight, None, ConvOptions::new().padding([n, 0])).is_err(), "padding {n}");
        assert!(images.try_conv2d_with(&weight, None, ConvOptions::new().dilation([n, 1])).is_err(), "dilation {n}");
        assert!(images.try_conv2d_with(&weight, None, ConvOptions::new().groups(n)).is_err(), "groups {n}");
        assert!(images.try_conv2d_with(&weight, None, ConvOptions::new().stride(n)).is_err(), "stride {n}");
        assert!(images.try_max_pool2d(MaxPoolOptions::new([n, 1]).stride(1)).is_err(), "kernel {n}");
        assert!(
            images.try_max_pool2d(MaxPoolOptions::new(2).stride(1).padding([n, 0]).ceil_mode(true)).is_err(),
            "padding {n}"
        );
        assert!(images.try_max_pool2d(MaxPoolOptions::new(2).stride(1).dilation([n, 1])).is_err(), "dilation {n}");
        assert!(images.try_avg_pool2d(AvgPoolOptions::new([n, 1]).stride(1)).is_err(), "kernel {n}");
        assert!(images.try_max_pool2d(MaxPoolOptions::new(2).stride(n).ceil_mode(true)).is_err(), "stride {n}");
        assert!(images.try_adaptive_avg_pool2d([n, n]).is_err(), "size {n}");
    }
}

/// Expanded tensors can be larger than memory; results computed from them cannot.
#[test]
fn more_elements_than_memory_holds_are_errors() {
    let n = 1usize << 40;
    let (row, column) = (f32s(&[1, 1]).expand([1, n]), f32s(&[1, 1]).expand([n, 1]));
    assert!(row.try_add(&column).is_err());
    assert!(row.try_lt(&column).is_err());
    assert!(row.try_where_cond(&column.try_narrow(0, 0, 1).unwrap().gt(0), &column).is_err());
    let condition = Tensor::from([[true]]).expand([1usize << 58, 1]);
    assert!(f32s(&[4]).try_where_cond(&condition, 0.0).is_err());
    assert!(row.try_expand([n, n]).is_err());
    assert!(column.try_matmul(&row).is_err());
    let (tall, wide) = (Tensor::zeros([n, 0]), Tensor::zeros([0, n]));
    assert_eq!((tall.numel(), wide.numel()), (0, 0));
    assert!(tall.try_matmul(&wide).is_err());
    assert!(tall.try_linear(&Tensor::zeros([n, 0]), None).is_err());
    let large = f32s(&[1]).expand([1usize << 58]);
    assert!(Tensor::try_cat([&large; 40]).is_err());
    assert!(Tensor::try_stack([&large, &large]).is_err());
    let index = Tensor::from([0]).expand([n]);
    assert!(row.try_index_select(0, &index).is_err());
    // All state is still valid.
    assert_eq!(large.narrow(0, 5, 2).to_vec::<f32>(), [1.0, 1.0]);
}

/// Sizes that a larger machine could allocate: an error from the fallible form, and the same error through a panic.
#[test]
fn failed_allocations_are_errors() {
    let n = 1usize << 58;
    let large = f32s(&[1]).expand([n]);
    let tracked = f32s(&[1]).requires_grad_(true);
    let results = [
        ("zeros", Tensor::try_zeros([n])),
        ("full", Tensor::try_full([n], 2.0)),
        ("randn", Tensor::try_randn([n])),
        ("arange", Tensor::try_arange(900_000_000_000_000i64)),
        ("linspace", Tensor::try_linspace(0.0, 1.0, n)),
        ("randperm", Tensor::try_randperm(1 << 50)),
        ("exp", large.try_exp()),
        ("add", large.try_add(1.0)),
        ("lt", large.try_lt(1.0)),
        ("contiguous", large.try_contiguous()),
        ("to_dtype", large.try_to_dtype(DType::F64)),
        ("zeros_like", large.try_zeros_like()),
        ("softmax", large.try_softmax(0)),
        ("cat", Tensor::try_cat([&large.narrow(0, 0, n / 4), &large.narrow(0, 0, n / 4)])),
        ("index_select", f32s(&[1]).try_index_select(0, &Tensor::from([0]).expand([n]))),
        ("pad", f32s(&[1]).try_pad_with([0, n], 0)),
        ("recorded", tracked.expand([n]).try_exp()),
    ];
    for (name, result) in results {
        assert!(matches!(result, Err(Error::Memory { .. })), "{name}: {result:?}");
    }
    LISTENING.set(true);
    let result = catch(|| Tensor::zeros([n]));
    LISTENING.set(false);
    assert!(matches!(result, Err(Error::Memory { .. })), "{result:?}");
    assert_eq!(large.narrow(0, 5, 2).to_vec::<f32>(), [1.0, 1.0]);
}
