//! Errors of the functions in units in the last place, over the whole range of floats.

use super::super::math::Float;
use super::super::{BinaryOp, UnaryOp, binary_contiguous, unary_contiguous};
use super::on_every_isa;
use crate::simd::Portable;

/// The error of `got` in units in the last place of `f32` at `want`.
fn ulps_f32(got: f32, want: f64) -> f64 {
    let rounded = want as f32;
    if got == rounded || got.is_nan() && want.is_nan() {
        return 0.0;
    }
    if !got.is_finite() || !rounded.is_finite() {
        // The boundary between the largest float and infinity counts like any other.
        return if got.abs().min(rounded.abs()) == f32::MAX && got.abs() != rounded.abs() {
            1.0
        } else {
            f64::INFINITY
        };
    }
    let exponent = want.abs().max(f32::MIN_POSITIVE as f64).log2().floor() as i32;
    (got as f64 - want).abs() / 2f64.powi(exponent - 23)
}

/// The distance between two `f64` in representable values.
fn ulps_f64(got: f64, want: f64) -> f64 {
    if got == want || got.is_nan() && want.is_nan() {
        return 0.0;
    }
    let ordered = |x: f64| if x < 0.0 { i64::MIN - x.to_bits() as i64 } else { x.to_bits() as i64 };
    if got.is_nan() || want.is_nan() { f64::INFINITY } else { ordered(got).abs_diff(ordered(want)) as f64 }
}

fn samples_f32() -> Vec<f32> {
    let mut x: Vec<f32> = (0..=u32::MAX).step_by(9973).map(f32::from_bits).collect();
    // Densely where the functions vary, and every special value.
    x.extend((-40_000..=40_000).map(|i| i as f32 * 6.1e-4));
    x.extend([0.0, -0.0, 1.0, -1.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, f32::MIN_POSITIVE, f32::MAX, f32::MIN]);
    x
}

fn samples_f64() -> Vec<f64> {
    let mut x: Vec<f64> = (0..400_000u64).map(|i| f64::from_bits(i.wrapping_mul(0x0000_2a3b_4c5d_6e7f))).collect();
    x.extend((-40_000..=40_000).map(|i| i as f64 * 9.7e-4));
    x.extend([0.0, -0.0, 1.0, -1.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, f64::MIN_POSITIVE, f64::MAX, f64::MIN]);
    x.extend([5e-324, -5e-324, 1e-310, 709.7, 709.8, -745.1, -745.2, 710.5, -709.0, 1e-17, -1e-17]);
    x
}

/// Checks a function of `f32` against the same one of `f64`; errors below the smallest normal value may reach `tiny`.
fn check_f32(op: UnaryOp, limit: f64, reference: impl Fn(f64) -> f64) {
    let x = samples_f32();
    on_every_isa(|isa| {
        let mut y = vec![0.0f32; x.len()];
        // SAFETY: both vectors have this length.
        unsafe { unary_contiguous(op, x.len(), x.as_ptr(), y.as_mut_ptr()) }.unwrap();
        let (mut worst, mut at) = (0.0, 0);
        for i in 0..x.len() {
            let error = ulps_f32(y[i], reference(x[i] as f64));
            if error > worst {
                (worst, at) = (error, i);
            }
        }
        println!("{isa:?} {op:?}: {worst:.2} ulp at {:e}", x[at]);
        let want = reference(x[at] as f64);
        assert!(worst <= limit, "{isa:?} {op:?}({:e}) = {:e}, want {want:e}: {worst:.2} ulp", x[at], y[at]);
    });
}

/// Checks a function of `f64` against the standard library's.
fn check_f64(op: UnaryOp, limit: f64, reference: impl Fn(f64) -> f64) {
    let x = samples_f64();
    on_every_isa(|isa| {
        let mut y = vec![0.0f64; x.len()];
        // SAFETY: both vectors have this length.
        unsafe { unary_contiguous(op, x.len(), x.as_ptr(), y.as_mut_ptr()) }.unwrap();
        let (mut worst, mut at) = (0.0, 0);
        for i in 0..x.len() {
            let error = ulps_f64(y[i], reference(x[i]));
            if error > worst {
                (worst, at) = (error, i);
            }
        }
        println!("{isa:?} {op:?} f64: {worst} ulp at {:e}", x[at]);
        let want = reference(x[at]);
        assert!(worst <= limit, "{isa:?} {op:?}({:e}) = {:e}, want {want:e}: {worst} ulp", x[at], y[at]);
    });
}

fn sigmoid(x: f64) -> f64 {
    if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) }
}

#[test]
fn exp_f32() {
    check_f32(UnaryOp::Exp, 1.0, f64::exp);
}

#[test]
fn log_f32() {
    check_f32(UnaryOp::Log, 1.5, f64::ln);
}

#[test]
fn tanh_f32() {
    check_f32(UnaryOp::Tanh, 2.0, f64::tanh);
}

#[test]
fn sigmoid_f32() {
    check_f32(UnaryOp::Sigmoid, 2.0, sigmoid);
}

#[test]
fn logarithms_f32() {
    check_f32(UnaryOp::Log1p, 2.0, f64::ln_1p);
    check_f32(UnaryOp::Log2, 2.0, f64::log2);
    check_f32(UnaryOp::Log10, 2.0, f64::log10);
}

#[test]
fn expm1_f32() {
    check_f32(UnaryOp::Expm1, 2.0, f64::exp_m1);
}

#[test]
fn sin_cos_f32() {
    check_f32(UnaryOp::Sin, 1.0, f64::sin);
    check_f32(UnaryOp::Cos, 1.0, f64::cos);
}

#[test]
fn softplus_f32() {
    let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
    check_f32(UnaryOp::Softplus { beta: 1.0, threshold: 1e9 }, 2.0, |x| if x.is_nan() { x } else { softplus(x) });
    check_f32(UnaryOp::LogSigmoid, 2.0, |x| if x.is_nan() { x } else { -softplus(-x) });
}

#[test]
fn logarithms_and_exponentials_f64() {
    check_f64(UnaryOp::Exp, 2.0, f64::exp);
    check_f64(UnaryOp::Expm1, 3.0, f64::exp_m1);
    check_f64(UnaryOp::Log, 2.0, f64::ln);
    check_f64(UnaryOp::Log1p, 2.0, f64::ln_1p);
    check_f64(UnaryOp::Log2, 2.0, f64::log2);
    check_f64(UnaryOp::Log10, 2.0, f64::log10);
}

#[test]
fn tanh_and_sigmoid_f64() {
    check_f64(UnaryOp::Tanh, 3.0, f64::tanh);
    check_f64(UnaryOp::Sigmoid, 2.0, sigmoid);
}

/// x, erf(x), erfc(x), gelu(x), gelu(-x), computed to 60 digits and rounded (mpmath).
const ERF: [(f64, f64, f64, f64, f64); 24] = [
    (1e-300, 1.1283791670955126e-300, 1.0, 5e-301, -5e-301),
    (1e-09, 1.1283791670955127e-09, 0.9999999988716208, 5.000000003989423e-10, -4.999999996010577e-10),
    (0.1, 0.1124629160182849, 0.887537083981715, 0.053982783727702904, -0.0460172162722971),
    (0.3, 0.3286267594591274, 0.6713732405408726, 0.1853734266566858, -0.1146265733433142),
    (0.5, 0.5204998778130465, 0.4795001221869535, 0.34573123063700656, -0.15426876936299344),
    (0.7, 0.6778011938374184, 0.32219880616258156, 0.5306254434438489, -0.1693745565561511),
    (0.9, 0.7969082124228322, 0.20309178757716786, 0.7343458871879165, -0.16565411281208353),
    (0.99, 0.8385080695553698, 0.1614919304446302, 0.8305238110842774, -0.1594761889157226),
    (1.0, 0.8427007929497149, 0.15729920705028513, 0.8413447460685429, -0.15865525393145705),
    (1.01, 0.8468104962282768, 0.1531895037717233, 0.8521898785285329, -0.15781012147146714),
    (1.2, 0.9103139782296353, 0.08968602177036464, 1.0619163957339501, -0.13808360426604993),
    (1.5, 0.9661051464753108, 0.033894853524689274, 1.399789198096713, -0.1002108019032871),
    (1.9, 0.9927904292352575, 0.0072095707647425325, 1.8454385363495964, -0.05456146365040343),
    (2.3, 0.9988568234026434, 0.0011431765973566525, 2.2753345469501456, -0.02466545304985436),
    (2.9, 0.9999589021219005, 4.109787809945886e-05, 2.8945891414288862, -0.005410858571113711),
    (3.3, 0.9999969422902035, 3.0577097964381654e-06, 3.2984047003301336, -0.0015952996698664658),
    (4.1, 0.9999999932999724, 6.700027654084918e-09, 4.099915304221658, -8.469577834144176e-05),
    (5.0, 0.9999999999984626, 1.537459794428035e-12, 4.999998566742141, -1.4332578593959695e-06),
    (5.9, 0.9999999999999999, 7.190409783550478e-17, 5.899999989276704, -1.0723296392286628e-08),
    (7.3, 1.0, 5.502573750691923e-25, 7.299999999998949, -1.050352205855039e-12),
    (10.1, 1.0, 2.770896983131174e-46, 10.1, -2.789730566482162e-23),
    (15.2, 1.0, 1.695311623663205e-102, 15.2, -2.687519955865797e-51),
    (20.7, 1.0, 2.2085481102488885e-188, 20.7, -3.5849333895708573e-94),
    (26.4, 1.0, 4.4017768588035426e-305, 26.4, -1.808623230857055e-152),
];

#[test]
fn erf_f64() {
    on_every_isa(|isa| {
        for (x, erf, erfc, gelu, gelu_negative) in ERF {
            for (op, x, want, limit) in [
                (UnaryOp::Erf, x, erf, 2.0),
                (UnaryOp::Erf, -x, -erf, 2.0),
                (UnaryOp::Erfc, x, erfc, 4.0),
                (UnaryOp::Erfc, -x, 1.0 + erf, 2.0),
                (UnaryOp::Gelu, x, gelu, 3.0),
                // The error of x / sqrt(2) grows with x^2.
                (UnaryOp::Gelu, -x, gelu_negative, 4.0 + x * x),
            ] {
                let mut got = 0.0;
                // SAFETY: one element each.
                unsafe { unary_contiguous(op, 1, &x, &mut got) }.unwrap();
                assert!(ulps_f64(got, want) <= limit, "{isa:?} {op:?}({x}) = {got:e}, want {want:e}");
            }
        }
    });
}

#[test]
fn erf_f32() {
    // The f64 functions are checked above.
    check_f32(UnaryOp::Erf, 2.0, Float::erf::<Portable>);
    // Between 0.5 and 1, erfc is 1 - erf.
    check_f32(UnaryOp::Erfc, 6.0, Float::erfc::<Portable>);
}

#[test]
fn gelu_is_relatively_accurate_in_both_tails() {
    on_every_isa(|isa| {
        for i in -1100..=1100 {
            let x = i as f32 * 0.01;
            let mut y = 0.0f32;
            // SAFETY: one element each.
            unsafe { unary_contiguous(UnaryOp::Gelu, 1, &x, &mut y) }.unwrap();
            let want = (x as f64).gelu::<Portable>();
            let error = (y as f64 - want).abs();
            assert!(
                error <= 1e-6 * (1.0 + 0.1 * (x * x) as f64) * want.abs(),
                "{isa:?} gelu({x}) = {y:e}, want {want:e}"
            );
        }
    });
}

#[test]
fn pow_f32() {
    let specials =
        [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 3.0, -3.0, 2.3, -2.3, 1e10, -1e10, 1e-10, 1e-40, 1e30, 16777217.0]
            .into_iter()
            .chain([f32::INFINITY, f32::NEG_INFINITY, f32::NAN, f32::MAX, -f32::MAX]);
    let grid: Vec<f32> = specials.chain((-50..50).map(|i| i as f32 * 0.37)).collect();
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for &x in &grid {
        for &y in &grid {
            a.push(x);
            b.push(y);
        }
    }
    on_every_isa(|isa| {
        let mut y = vec![0.0f32; a.len()];
        // SAFETY: all three vectors have this length.
        unsafe { binary_contiguous(BinaryOp::Pow, a.len(), a.as_ptr(), b.as_ptr(), y.as_mut_ptr()) }.unwrap();
        for i in 0..a.len() {
            let want = (a[i] as f64).powf(b[i] as f64);
            let sign = y[i] != 0.0 || y[i].is_sign_negative() == want.is_sign_negative();
            assert!(ulps_f32(y[i], want) <= 1.0 && sign, "{isa:?} {:e} ^ {:e} = {:e}, want {want:e}", a[i], b[i], y[i]);
        }
    });
}
