//! Values: every operation against a scalar reference, and PyTorch's values where implementations could differ.

use super::super::*;
use super::on_every_isa;

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

/// Applies `op` to contiguous elements. The elements are repeated so that both vector and remainder code run.
fn apply<T: Stored>(op: UnaryOp, x: &[T]) -> Vec<T> {
    let x = x.repeat(7);
    let mut y = vec![T::default(); x.len()];
    // SAFETY: both vectors have this length.
    unsafe { unary_contiguous(op, x.len(), x.as_ptr(), y.as_mut_ptr()) }.unwrap();
    y
}

fn apply2<T: Stored>(op: BinaryOp, a: &[T], b: &[T]) -> Result<Vec<T>, Error> {
    assert_eq!(a.len(), b.len());
    let (a, b) = (a.repeat(7), b.repeat(7));
    let mut y = vec![T::default(); a.len()];
    // SAFETY: the vectors have this length.
    unsafe { binary_contiguous(op, a.len(), a.as_ptr(), b.as_ptr(), y.as_mut_ptr()) }?;
    Ok(y)
}

fn apply_grad<T: Stored>(op: GradOp, g: &[T], x: &[T]) -> Vec<T> {
    assert_eq!(g.len(), x.len());
    let (g, x) = (g.repeat(7), x.repeat(7));
    let mut y = vec![T::default(); g.len()];
    // SAFETY: the vectors have this length.
    unsafe { gradient_contiguous(op, g.len(), g.as_ptr(), x.as_ptr(), y.as_mut_ptr()) }.unwrap();
    y
}

/// Equal bit by bit, except that all NaNs are equal.
#[track_caller]
fn assert_same(got: &[f64], want: &[f64], what: &str) {
    for (i, &got) in got.iter().enumerate() {
        let want = want[i % want.len()];
        let same = got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan();
        assert!(same, "{what}: element {i} is {got:?}, want {want:?}");
    }
}

/// Checks an exact operation in both float types.
#[track_caller]
fn check(op: UnaryOp, x: &[f64], want: &[f64]) {
    on_every_isa(|isa| {
        assert_same(&apply(op, x), want, &format!("{isa:?} {op:?} f64"));
        let narrow: Vec<f32> = x.iter().map(|&x| x as f32).collect();
        let got: Vec<f64> = apply(op, &narrow).into_iter().map(f64::from).collect();
        let want: Vec<f64> = want.iter().map(|&x| x as f32 as f64).collect();
        assert_same(&got, &want, &format!("{isa:?} {op:?} f32"));
    });
}

#[track_caller]
fn check2(op: BinaryOp, a: &[f64], b: &[f64], want: &[f64]) {
    on_every_isa(|isa| {
        assert_same(&apply2(op, a, b).unwrap(), want, &format!("{isa:?} {op:?} f64"));
        let narrow = |x: &[f64]| x.iter().map(|&x| x as f32).collect::<Vec<_>>();
        let got: Vec<f64> = apply2(op, &narrow(a), &narrow(b)).unwrap().into_iter().map(f64::from).collect();
        let want: Vec<f64> = want.iter().map(|&x| x as f32 as f64).collect();
        assert_same(&got, &want, &format!("{isa:?} {op:?} f32"));
    });
}

/// The arguments of the tables below.
const X: [f64; 9] = [-INF, -200.0, -1.0, -0.0, 0.0, 1.0, 200.0, INF, NAN];

#[test]
fn edges_of_unary_operations() {
    check(UnaryOp::Neg, &X, &[INF, 200.0, 1.0, 0.0, -0.0, -1.0, -200.0, -INF, NAN]);
    check(UnaryOp::Abs, &X, &[INF, 200.0, 1.0, 0.0, 0.0, 1.0, 200.0, INF, NAN]);
    check(UnaryOp::Sign, &X, &[-1.0, -1.0, -1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0]);
    check(UnaryOp::Square, &X, &[INF, 4e4, 1.0, 0.0, 0.0, 1.0, 4e4, INF, NAN]);
    check(UnaryOp::Sqrt, &X, &[NAN, NAN, NAN, -0.0, 0.0, 1.0, 200f64.sqrt(), INF, NAN]);
    check(UnaryOp::Reciprocal, &X, &[-0.0, -0.005, -1.0, -INF, INF, 1.0, 0.005, 0.0, NAN]);
    check(UnaryOp::Rsqrt, &[0.25, 4.0, 0.0, -0.0, INF, -1.0], &[2.0, 0.5, INF, -INF, 0.0, NAN]);
    check(UnaryOp::Relu, &X, &[0.0, 0.0, 0.0, -0.0, 0.0, 1.0, 200.0, INF, NAN]);
    check(UnaryOp::LeakyRelu(0.5), &X, &[-INF, -100.0, -0.5, -0.0, 0.0, 1.0, 200.0, INF, NAN]);
    check(UnaryOp::Clamp { min: -2.0, max: 3.0 }, &X, &[-2.0, -2.0, -1.0, -0.0, 0.0, 1.0, 3.0, 3.0, NAN]);
    check(UnaryOp::Clamp { min: 2.0, max: 1.0 }, &X, &[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, NAN]);
    check(UnaryOp::Clamp { min: NAN, max: 1.0 }, &X, &[NAN; 9]);
    check(UnaryOp::Clamp { min: -INF, max: NAN }, &X, &[NAN; 9]);
    check(UnaryOp::Threshold { threshold: 0.5, value: 9.0 }, &X, &[9.0, 9.0, 9.0, 9.0, 9.0, 1.0, 200.0, INF, NAN]);
    check(UnaryOp::HardSigmoid, &X[..6], &[0.0, 0.0, 2.0 / 6.0, 0.5, 0.5, 4.0 / 6.0]);
    check(UnaryOp::HardSwish, &X, &[NAN, -0.0, -2.0 / 6.0, -0.0, 0.0, 4.0 / 6.0, 200.0, INF, NAN]);
    check(UnaryOp::Softsign, &[-1.0, 0.0, 3.0, NAN], &[-0.5, 0.0, 0.75, NAN]);
    check(UnaryOp::Exp, &[-INF, -1000.0, -0.0, 0.0, 1000.0, INF, NAN], &[0.0, 0.0, 1.0, 1.0, INF, INF, NAN]);
    check(UnaryOp::Log, &[-INF, -1.0, -0.0, 0.0, 1.0, INF, NAN], &[NAN, NAN, -INF, -INF, 0.0, INF, NAN]);
    check(UnaryOp::Log2, &[-1.0, 0.0, 0.125, 1.0, 8.0, 1024.0, INF], &[NAN, -INF, -3.0, 0.0, 3.0, 10.0, INF]);
    check(UnaryOp::Log1p, &[-2.0, -1.0, -0.0, 0.0, INF, NAN], &[NAN, -INF, -0.0, 0.0, INF, NAN]);
    check(UnaryOp::Expm1, &[-INF, -100.0, -0.0, 0.0, INF, NAN], &[-1.0, -1.0, -0.0, 0.0, INF, NAN]);
    check(UnaryOp::Tanh, &[-200.0, -0.0, 0.0, 200.0, INF, NAN], &[-1.0, -0.0, 0.0, 1.0, 1.0, NAN]);
    check(UnaryOp::Sigmoid, &[-INF, -0.0, 0.0, 200.0, INF, NAN], &[0.0, 0.5, 0.5, 1.0, 1.0, NAN]);
    check(UnaryOp::LogSigmoid, &[-INF, -200.0, 1000.0, INF, NAN], &[-INF, -200.0, -0.0, -0.0, NAN]);
    check(UnaryOp::Silu, &[-INF, -0.0, 0.0, 200.0, INF, NAN], &[NAN, -0.0, 0.0, 200.0, INF, NAN]);
    check(UnaryOp::Erf, &[-INF, -200.0, -0.0, 0.0, 200.0, INF, NAN], &[-1.0, -1.0, -0.0, 0.0, 1.0, 1.0, NAN]);
    check(UnaryOp::Gelu, &[-0.0, 0.0, 200.0, INF, NAN], &[-0.0, 0.0, 200.0, INF, NAN]);
    check(UnaryOp::Softplus { beta: 1.0, threshold: 20.0 }, &[-INF, 21.0, INF, NAN], &[0.0, 21.0, INF, NAN]);
    check(UnaryOp::Elu { alpha: 2.0, scale: 3.0, input_scale: 1.0 }, &X[..1], &[-6.0]);
    check(UnaryOp::Elu { alpha: 1.0, scale: 1.0, input_scale: 1.0 }, &X[3..], &X[3..]);
    check(UnaryOp::Sin, &[0.0, -0.0, INF, -INF, NAN], &[0.0, -0.0, NAN, NAN, NAN]);
    check(UnaryOp::Cos, &[0.0, -0.0, INF, NAN], &[1.0, 1.0, NAN, NAN]);
}

#[test]
fn rounding() {
    let x = [-INF, -2.5, -1.5, -0.5, -0.0, 0.5, 1.5, 2.5, 2.7, 1e18, INF, NAN];
    check(UnaryOp::Round, &x, &[-INF, -2.0, -2.0, -0.0, -0.0, 0.0, 2.0, 2.0, 3.0, 1e18, INF, NAN]);
    check(UnaryOp::Floor, &x, &[-INF, -3.0, -2.0, -1.0, -0.0, 0.0, 1.0, 2.0, 2.0, 1e18, INF, NAN]);
    check(UnaryOp::Ceil, &x, &[-INF, -2.0, -1.0, -0.0, -0.0, 1.0, 2.0, 3.0, 3.0, 1e18, INF, NAN]);
    check(UnaryOp::Trunc, &x, &[-INF, -2.0, -1.0, -0.0, -0.0, 0.0, 1.0, 2.0, 2.0, 1e18, INF, NAN]);
    check(UnaryOp::Frac, &x[1..8], &[-0.5, -0.5, -0.5, 0.0, 0.5, 0.5, 0.5]);
}

#[test]
fn powers() {
    check(UnaryOp::PowScalar(2.0), &[-3.0, 0.5, NAN], &[9.0, 0.25, NAN]);
    check(UnaryOp::PowScalar(3.0), &[-3.0, 0.5], &[-27.0, 0.125]);
    check(UnaryOp::PowScalar(-2.0), &[-2.0, 0.5], &[0.25, 4.0]);
    check(UnaryOp::PowScalar(0.0), &[NAN, 0.0, -1.0], &[1.0; 3]);
    check(UnaryOp::PowScalar(1.0), &[NAN, -0.0, 7.5, -INF], &[NAN, -0.0, 7.5, -INF]);
    check(UnaryOp::PowScalar(0.5), &[4.0, -0.0, -1.0, INF], &[2.0, -0.0, NAN, INF]);
    check(UnaryOp::PowScalar(-1.0), &[4.0, -0.0], &[0.25, -INF]);
    check(UnaryOp::PowScalar(4.0), &[-3.0, 0.5, INF], &[81.0, 0.0625, INF]);
    check(UnaryOp::PowScalar(2.5), &[-3.0, 4.0, 0.0, -0.0], &[NAN, 32.0, 0.0, 0.0]);
    on_every_isa(|_| {
        let got = apply(UnaryOp::PowInt(3), &[-3i64, 0, 1 << 30]);
        assert_eq!(got[..3], [-27, 0, (1i64 << 30).wrapping_pow(3)]);
        assert!(apply(UnaryOp::PowInt(0), &[0i64, 5]).iter().all(|&x| x == 1));
        let got = apply2(BinaryOp::Pow, &[1i64, -1, -1, 2, -2, 0, 3], &[-1, -3, -2, -1, 5, 0, 70]).unwrap();
        assert_eq!(got[..7], [1, -1, 1, 0, -32, 1, 2_293_070_008_301_402_073]);
    });
}

#[test]
fn float_division_and_remainders() {
    let (a, b) =
        ([7.0, -7.0, 7.0, -7.0, 5.0, -5.0, 1.0, 0.0, NAN, 5.0], [3.0, 3.0, -3.0, -3.0, INF, INF, 0.1, -1.0, 1.0, 0.0]);
    check2(BinaryOp::FloorDivide, &a, &b, &[2.0, -3.0, -3.0, 2.0, 0.0, -1.0, 9.0, -0.0, NAN, INF]);
    check2(BinaryOp::Remainder, &a[..6], &b[..6], &[1.0, 2.0, -2.0, -1.0, 5.0, INF]);
    check2(BinaryOp::Remainder, &a[7..], &b[7..], &[0.0, NAN, NAN]);
    check2(BinaryOp::Fmod, &a[..6], &b[..6], &[1.0, -1.0, 1.0, -1.0, 5.0, -5.0]);
    check2(BinaryOp::Div, &[1.0, -1.0, 0.0, 6.0], &[0.0, 0.0, 0.0, 4.0], &[INF, -INF, NAN, 1.5]);
}

#[test]
fn float_binary_operations() {
    let (a, b) = ([1.5, -2.0, NAN, 1.0, INF], [2.0, -3.0, 1.0, NAN, -INF]);
    check2(BinaryOp::Add, &a, &b, &[3.5, -5.0, NAN, NAN, NAN]);
    check2(BinaryOp::Sub, &a, &b, &[-0.5, 1.0, NAN, NAN, INF]);
    check2(BinaryOp::Mul, &a, &b, &[3.0, 6.0, NAN, NAN, -INF]);
    check2(BinaryOp::Maximum, &a, &b, &[2.0, -2.0, NAN, NAN, INF]);
    check2(BinaryOp::Minimum, &a, &b, &[1.5, -3.0, NAN, NAN, -INF]);
    check2(BinaryOp::Fmax, &a, &b, &[2.0, -2.0, 1.0, 1.0, INF]);
    check2(BinaryOp::Fmin, &a, &b, &[1.5, -3.0, 1.0, 1.0, -INF]);
    check2(BinaryOp::AddScaled(0.5), &a, &b, &[2.5, -3.5, NAN, NAN, NAN]);
    check2(BinaryOp::LerpScalar(0.25), &[1.0, -2.0], &[5.0, 2.0], &[2.0, -1.0]);
    check2(BinaryOp::LerpScalar(0.75), &[1.0, -2.0], &[5.0, 2.0], &[4.0, 1.0]);
    check2(BinaryOp::LerpScalar(1.0), &[1e30, -2.0], &[5.0, 0.1], &[5.0, 0.1]);
    check2(BinaryOp::AddRelu, &[3.0, -3.0, 3.0, NAN, INF], &[1.0, 1.0, -3.0, 0.0, -1.0], &[4.0, 0.0, 0.0, NAN, INF]);
    check2(BinaryOp::Prelu, &[3.0, -4.0, 0.0, NAN, -INF], &[0.5, 0.5, 2.0, 0.5, 0.25], &[3.0, -2.0, 0.0, NAN, -INF]);
    check2(BinaryOp::Atan2, &[0.0, -0.0, 1.0], &[1.0, 1.0, 0.0], &[0.0, -0.0, std::f64::consts::FRAC_PI_2]);
}

#[test]
fn derivatives_from_inputs_and_outputs() {
    #[track_caller]
    fn check(op: GradOp, g: &[f64], x: &[f64], want: &[f64]) {
        on_every_isa(|isa| {
            assert_same(&apply_grad(op, g, x), want, &format!("{isa:?} {op:?} f64"));
            let narrow = |x: &[f64]| x.iter().map(|&x| x as f32).collect::<Vec<_>>();
            let got: Vec<f64> = apply_grad(op, &narrow(g), &narrow(x)).into_iter().map(f64::from).collect();
            assert_same(&got, want, &format!("{isa:?} {op:?} f32"));
        });
    }
    check(GradOp::Relu, &[3.0, 3.0, 3.0, NAN, INF], &[1.0, 0.0, -0.0, 0.0, -1.0], &[3.0, 0.0, 0.0, 0.0, 0.0]);
    let clamp = GradOp::Clamp { min: -1.0, max: 2.0 };
    check(clamp, &[3.0; 7], &[-1.5, -1.0, -0.5, 1.5, 2.0, INF, NAN], &[0.0, 0.0, 3.0, 3.0, 0.0, 0.0, 3.0]);
    check(GradOp::LeakyRelu(0.5), &[3.0, 3.0, 3.0], &[1.0, 0.0, -1.0], &[3.0, 1.5, 1.5]);
    check(GradOp::Sigmoid, &[3.0], &[0.25], &[0.5625]);
    check(GradOp::Tanh, &[3.0], &[0.5], &[2.25]);
    check(GradOp::Silu, &[3.0, 2.0], &[0.0, 0.0], &[1.5, 1.0]);
    check(GradOp::Gelu, &[3.0, 2.0], &[0.0, 0.0], &[1.5, 1.0]);
}

/// Derivatives by central differences.
#[test]
fn gradients_of_silu_and_gelu() {
    for (op, grad) in [(UnaryOp::Silu, GradOp::Silu), (UnaryOp::Gelu, GradOp::Gelu)] {
        let x: Vec<f64> = (-80..80).map(|i| i as f64 * 0.1 + 0.03).collect();
        let shifted = |h: f64| apply(op, &x.iter().map(|x| x + h).collect::<Vec<_>>());
        let (above, below) = (shifted(1e-5), shifted(-1e-5));
        on_every_isa(|isa| {
            let wide = apply_grad(grad, &vec![2.0; x.len()], &x);
            let narrow: Vec<f32> = x.iter().map(|&x| x as f32).collect();
            let single = apply_grad(grad, &vec![2.0f32; x.len()], &narrow);
            for i in 0..wide.len() {
                let want = (above[i] - below[i]) / 1e-5;
                assert!((wide[i] - want).abs() < 1e-8, "{isa:?} {grad:?} at {}: {} {want}", x[i % x.len()], wide[i]);
                assert!((single[i] as f64 - want).abs() < 2e-6, "{isa:?} {grad:?} at {}", x[i % x.len()]);
            }
        });
    }
}

/// Functions that are composed of others, against the standard library's.
#[test]
fn composed_and_rare_functions() {
    let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
    let tanh_gelu =
        |x: f64| 0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x)).tanh());
    type Reference = Box<dyn Fn(f64) -> f64>;
    let cases: Vec<(UnaryOp, Reference)> = vec![
        (UnaryOp::Silu, Box::new(|x| x / (1.0 + (-x).exp()))),
        (UnaryOp::GeluTanh, Box::new(tanh_gelu)),
        (
            UnaryOp::Softplus { beta: 2.0, threshold: 4.0 },
            Box::new(move |x| if 2.0 * x > 4.0 { x } else { softplus(2.0 * x) / 2.0 }),
        ),
        (UnaryOp::Mish, Box::new(move |x| x * softplus(x).tanh())),
        (
            UnaryOp::Elu { alpha: 1.5, scale: 1.1, input_scale: 0.7 },
            Box::new(|x| 1.1 * if x > 0.0 { x } else { 1.5 * (0.7 * x).exp_m1() }),
        ),
        (UnaryOp::PowScalar(1.7), Box::new(|x| x.powf(1.7))),
        (UnaryOp::Tan, Box::new(f64::tan)),
        (UnaryOp::Asin, Box::new(f64::asin)),
        (UnaryOp::Acos, Box::new(f64::acos)),
        (UnaryOp::Atan, Box::new(f64::atan)),
        (UnaryOp::Sinh, Box::new(f64::sinh)),
        (UnaryOp::Cosh, Box::new(f64::cosh)),
        (UnaryOp::Asinh, Box::new(f64::asinh)),
        (UnaryOp::Acosh, Box::new(f64::acosh)),
        (UnaryOp::Atanh, Box::new(f64::atanh)),
    ];
    let x: Vec<f64> = (-60..60).map(|i| i as f64 * 0.05 + 0.01).collect();
    let narrow: Vec<f32> = x.iter().map(|&x| x as f32).collect();
    for (op, reference) in cases {
        on_every_isa(|isa| {
            let (wide, single) = (apply(op, &x), apply(op, &narrow));
            for i in 0..wide.len() {
                let (x, want) = (x[i % x.len()], reference(x[i % x.len()]));
                let near = |got: f64, eps: f64| {
                    got.is_nan() && want.is_nan() || (got - want).abs() <= eps * (0.1 + want.abs())
                };
                assert!(near(wide[i], 1e-14), "{isa:?} {op:?}({x}) = {}, want {want}", wide[i]);
                assert!(near(single[i] as f64, 1e-5), "{isa:?} {op:?}({x}) = {}, want {want}", single[i]);
            }
        });
    }
}

#[test]
fn integers() {
    on_every_isa(|_| {
        let (a, b) = ([7i64, -7, 7, -7, i64::MIN, 6], [3, 3, -3, -3, -1, 2]);
        let run = |op| apply2(op, &a, &b).unwrap()[..6].to_vec();
        assert_eq!(run(BinaryOp::FloorDivide), [2, -3, -3, 2, i64::MIN, 3]);
        assert_eq!(run(BinaryOp::Remainder), [1, 2, -2, -1, 0, 0]);
        assert_eq!(run(BinaryOp::Fmod), [1, -1, 1, -1, 0, 0]);
        assert_eq!(run(BinaryOp::Add), [10, -4, 4, -10, i64::MAX, 8]);
        assert_eq!(run(BinaryOp::Sub), [4, -10, 10, -4, i64::MIN + 1, 4]);
        assert_eq!(run(BinaryOp::Mul), [21, -21, -21, 21, i64::MIN, 12]);
        assert_eq!(run(BinaryOp::Maximum), [7, 3, 7, -3, -1, 6]);
        assert_eq!(run(BinaryOp::Minimum), [3, -7, -3, -7, i64::MIN, 2]);
        assert_eq!(run(BinaryOp::And), [3, 1, 5, -7, i64::MIN, 2]);
        assert_eq!(run(BinaryOp::Or), [7, -5, -1, -3, -1, 6]);
        assert_eq!(run(BinaryOp::Xor), [4, -6, -6, 4, i64::MAX, 4]);
        assert_eq!(run(BinaryOp::AddScaledInt(-2)), [1, -13, 13, -1, i64::MIN + 2, 2]);
        for op in [BinaryOp::FloorDivide, BinaryOp::Remainder, BinaryOp::Fmod] {
            assert_eq!(apply2(op, &[1i64, 2], &[1, 0]), Err(Error::ZeroDivision));
        }
        let x = [i64::MIN, -5, 0, 7];
        assert_eq!(apply(UnaryOp::Neg, &x)[..4], [i64::MIN, 5, 0, -7]);
        assert_eq!(apply(UnaryOp::Abs, &x)[..4], [i64::MIN, 5, 0, 7]);
        assert_eq!(apply(UnaryOp::Sign, &x)[..4], [-1, -1, 0, 1]);
        assert_eq!(apply(UnaryOp::Square, &x)[..4], [0, 25, 0, 49]);
        assert_eq!(apply(UnaryOp::Relu, &x)[..4], [0, 0, 0, 7]);
        assert_eq!(apply(UnaryOp::Not, &x)[..4], [i64::MAX, 4, -1, -8]);
        assert_eq!(apply(UnaryOp::Round, &x)[..4], x);
        assert_eq!(apply(UnaryOp::ClampInt { min: -1, max: 5 }, &x)[..4], [-1, -1, 0, 5]);
    });
}

#[test]
fn division_by_zero_is_reported_from_any_thread() {
    let a = vec![1i64; 100_000];
    let mut b = vec![2i64; 100_000];
    b[99_999] = 0;
    assert_eq!(apply2(BinaryOp::FloorDivide, &a, &b), Err(Error::ZeroDivision));
}

#[test]
fn booleans() {
    on_every_isa(|_| {
        let (a, b) = ([true, true, false, false], [true, false, true, false]);
        let run = |op| apply2(op, &a, &b).unwrap()[..4].to_vec();
        assert_eq!(run(BinaryOp::And), [true, false, false, false]);
        assert_eq!(run(BinaryOp::Mul), [true, false, false, false]);
        assert_eq!(run(BinaryOp::Minimum), [true, false, false, false]);
        assert_eq!(run(BinaryOp::Or), [true, true, true, false]);
        assert_eq!(run(BinaryOp::Add), [true, true, true, false]);
        assert_eq!(run(BinaryOp::Maximum), [true, true, true, false]);
        assert_eq!(run(BinaryOp::Xor), [false, true, true, false]);
        assert_eq!(apply(UnaryOp::Not, &a)[..4], [false, false, true, true]);
        assert_eq!(apply(UnaryOp::Sign, &a)[..4], a);
    });
}

#[test]
fn unsupported_operations_are_rejected() {
    let mut y = [0i64];
    // SAFETY: one element each.
    unsafe {
        assert_eq!(unary_contiguous(UnaryOp::Exp, 1, &1i64, y.as_mut_ptr()), Err(Error::Unsupported));
        assert_eq!(unary_contiguous(UnaryOp::Neg, 1, &true, &mut true), Err(Error::Unsupported));
        assert_eq!(unary_contiguous(UnaryOp::Not, 1, &1.0f32, &mut 0.0), Err(Error::Unsupported));
        assert_eq!(binary_contiguous(BinaryOp::Div, 1, &1i64, &1, y.as_mut_ptr()), Err(Error::Unsupported));
        assert_eq!(binary_contiguous(BinaryOp::Sub, 1, &true, &true, &mut true), Err(Error::Unsupported));
        assert_eq!(binary_contiguous(BinaryOp::Xor, 1, &1.0f64, &1.0, &mut 0.0), Err(Error::Unsupported));
        assert_eq!(gradient_contiguous(GradOp::Relu, 1, &1i64, &1, y.as_mut_ptr()), Err(Error::Unsupported));
    }
    assert_eq!(y, [0]);
}

#[test]
fn comparisons() {
    fn run<T: Stored>(op: CompareOp, a: &[T], b: &[T]) -> Vec<bool> {
        let mut y = vec![false; a.len()];
        // SAFETY: the slices have this length.
        unsafe { compare(op, &[a.len()], a.as_ptr(), &[1], b.as_ptr(), &[1], y.as_mut_ptr(), &[1]) };
        y
    }
    on_every_isa(|isa| {
        let (a, b) = ([1.0, 2.0, 2.0, NAN, -0.0].repeat(9), [2.0, 1.0, 2.0, NAN, 0.0].repeat(9));
        let narrow = |x: &[f64]| x.iter().map(|&x| x as f32).collect::<Vec<_>>();
        let whole = |x: &[f64]| x.iter().map(|&x| x as i64).collect::<Vec<_>>();
        for (op, reference) in [
            (CompareOp::Eq, (|a, b| a == b) as fn(f64, f64) -> bool),
            (CompareOp::Ne, |a, b| a != b),
            (CompareOp::Lt, |a, b| a < b),
            (CompareOp::Le, |a, b| a <= b),
            (CompareOp::Gt, |a, b| a > b),
            (CompareOp::Ge, |a, b| a >= b),
        ] {
            let want: Vec<bool> = a.iter().zip(&b).map(|(&a, &b)| reference(a, b)).collect();
            assert_eq!(run(op, &a, &b), want, "{isa:?} {op:?}");
            assert_eq!(run(op, &narrow(&a), &narrow(&b)), want, "{isa:?} {op:?}");
            let want: Vec<bool> =
                a.iter().zip(&b).map(|(&a, &b)| reference(a as i64 as f64, b as i64 as f64)).collect();
            assert_eq!(run(op, &whole(&a), &whole(&b)), want, "{isa:?} {op:?}");
        }
        assert_eq!(run(CompareOp::Lt, &[false, true], &[true, true]), [true, false]);
    });
}

#[test]
fn casts() {
    fn run<S: Stored, D: Stored>(x: &[S]) -> Vec<D> {
        let mut y = vec![D::default(); x.len()];
        // SAFETY: both have this length.
        unsafe { copy(&[x.len()], x.as_ptr(), &[1], y.as_mut_ptr(), &[1]) };
        y
    }
    on_every_isa(|_| {
        let x = [3.7, -3.7, NAN, INF, -INF, 1e19, -1e19, 9.3e18, -9_223_372_036_854_775_808.0, 0.0, -0.0];
        let want = [3, -3, i64::MIN, i64::MIN, i64::MIN, i64::MIN, i64::MIN, i64::MIN, i64::MIN, 0, 0];
        let narrow = run::<f64, f32>(&x);
        assert_eq!(run::<f64, i64>(&x.repeat(3)), want.repeat(3));
        assert_eq!(run::<f32, i64>(&narrow.repeat(3)), want.repeat(3));
        assert_eq!(narrow[0], 3.7f32);
        assert_eq!(run::<f64, bool>(&x)[..3], [true; 3]);
        assert_eq!(run::<f32, bool>(&narrow)[9..], [false; 2]);
        assert_eq!(run::<i64, bool>(&[0, -5]), [false, true]);
        assert_eq!(run::<i64, f32>(&[16_777_217, -3]), [16_777_216.0, -3.0]);
        assert_eq!(run::<i64, f64>(&[16_777_217, -3]), [16_777_217.0, -3.0]);
        assert_eq!(run::<bool, i64>(&[true, false]), [1, 0]);
        assert_eq!(run::<bool, f32>(&[true, false]), [1.0, 0.0]);
        assert_eq!(run::<bool, f64>(&[true, false]), [1.0, 0.0]);
        assert_eq!(run::<f32, f64>(&[0.1]), [0.1f32 as f64]);
    });
}
