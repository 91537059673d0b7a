//! The functions of one and two elements; none where one is not defined for a type.

use crate::backend::{BinaryOp, UnaryOp};
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI, FRAC_2_SQRT_PI, PI};

pub(super) fn unary_bool(op: UnaryOp, x: bool) -> Option<bool> {
    match op {
        UnaryOp::Not => Some(!x),
        UnaryOp::Sign => Some(x),
        _ => None,
    }
}

pub(super) fn unary_int(op: UnaryOp, x: i64) -> Option<i64> {
    Some(match op {
        UnaryOp::Neg => x.wrapping_neg(),
        UnaryOp::Abs => x.wrapping_abs(),
        UnaryOp::Sign => x.signum(),
        UnaryOp::Square => x.wrapping_mul(x),
        UnaryOp::Not => !x,
        UnaryOp::Relu => x.max(0),
        UnaryOp::ClampInt { min, max } => x.max(min).min(max),
        UnaryOp::Floor | UnaryOp::Ceil | UnaryOp::Round | UnaryOp::Trunc => x,
        UnaryOp::PowInt(exponent) => power(x, exponent),
        _ => return None,
    })
}

/// Modulo 2^64.
fn power(mut base: i64, mut exponent: u64) -> i64 {
    let mut power = 1i64;
    while exponent > 0 {
        if exponent % 2 == 1 {
            power = power.wrapping_mul(base);
        }
        base = base.wrapping_mul(base);
        exponent /= 2;
    }
    power
}

/// The larger one; nan where either is nan.
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}

/// The smaller one; nan where either is nan.
fn smaller(a: f64, b: f64) -> f64 {
    if a.is_nan() || a < b { a } else { b }
}

fn softplus(x: f64) -> f64 {
    larger(x, 0.0) + (-x.abs()).exp().ln_1p()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// By a series without cancellation: `2/√π exp(-x²) Σ 2ⁿ x²ⁿ⁺¹ / (1 · 3 ⋯ (2n + 1))`.
fn erf(x: f64) -> f64 {
    if x.is_nan() || x == 0.0 {
        return x;
    }
    if x.abs() > 6.0 {
        return x.signum();
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..400 {
        term *= 2.0 * x * x / (2 * n + 1) as f64;
        sum += term;
        if term.abs() < sum.abs() * 1e-17 {
            break;
        }
    }
    FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

/// For large arguments by the continued fraction `exp(-x²) / √π / (x + ½ / (x + 1 / (x + 3/2 / (x + …))))`.
fn erfc(x: f64) -> f64 {
    if x.is_nan() || x < 2.0 {
        return 1.0 - erf(x);
    }
    let fraction = (1..200).rev().fold(x, |rest, n| x + n as f64 / 2.0 / rest);
    (-x * x).exp() / PI.sqrt() / fraction
}

pub(super) fn unary_float(op: UnaryOp, x: f64) -> Option<f64> {
    Some(match op {
        UnaryOp::Neg => -x,
        UnaryOp::Abs => x.abs(),
        UnaryOp::Sign if x > 0.0 => 1.0,
        UnaryOp::Sign if x < 0.0 => -1.0,
        UnaryOp::Sign => 0.0,
        UnaryOp::Square => x * x,
        UnaryOp::Sqrt => x.sqrt(),
        UnaryOp::Rsqrt => 1.0 / x.sqrt(),
        UnaryOp::Reciprocal => 1.0 / x,
        UnaryOp::Exp => x.exp(),
        UnaryOp::Expm1 => x.exp_m1(),
        UnaryOp::Log => x.ln(),
        UnaryOp::Log1p => x.ln_1p(),
        UnaryOp::Log2 => x.log2(),
        UnaryOp::Log10 => x.log10(),
        UnaryOp::Sin => x.sin(),
        UnaryOp::Cos => x.cos(),
        UnaryOp::Tan => x.tan(),
        UnaryOp::Asin => x.asin(),
        UnaryOp::Acos => x.acos(),
        UnaryOp::Atan => x.atan(),
        UnaryOp::Sinh => x.sinh(),
        UnaryOp::Cosh => x.cosh(),
        UnaryOp::Tanh => x.tanh(),
        UnaryOp::Asinh => x.asinh(),
        UnaryOp::Acosh => x.acosh(),
        UnaryOp::Atanh => x.atanh(),
        UnaryOp::Erf => erf(x),
        UnaryOp::Erfc => erfc(x),
        UnaryOp::Floor => x.floor(),
        UnaryOp::Ceil => x.ceil(),
        UnaryOp::Round => x.round_ties_even(),
        UnaryOp::Trunc => x.trunc(),
        UnaryOp::Frac => x - x.trunc(),
        // Roots, as in PyTorch, which differ from powers at minus infinity.
        UnaryOp::PowScalar(0.5) => x.sqrt(),
        UnaryOp::PowScalar(-0.5) => 1.0 / x.sqrt(),
        UnaryOp::PowScalar(exponent) => x.powf(exponent),
        UnaryOp::Clamp { min, max } => smaller(larger(x, min), max),
        UnaryOp::Relu => larger(x, 0.0),
        UnaryOp::LeakyRelu(slope) => {
            if x > 0.0 {
                x
            } else {
                x * slope
            }
        }
        UnaryOp::Elu { alpha, scale, input_scale } => {
            if x <= 0.0 {
                (x * input_scale).exp_m1() * alpha * scale
            } else {
                x * scale
            }
        }
        UnaryOp::Sigmoid => sigmoid(x),
        UnaryOp::LogSigmoid => -softplus(-x),
        UnaryOp::Silu => x * sigmoid(x),
        UnaryOp::Gelu => x * (1.0 + erf(x * FRAC_1_SQRT_2)) / 2.0,
        UnaryOp::GeluTanh => x * (1.0 + (FRAC_2_PI.sqrt() * (x + 0.044715 * x * x * x)).tanh()) / 2.0,
        UnaryOp::Softplus { beta, threshold } => {
            if x * beta > threshold {
                x
            } else {
                softplus(x * beta) / beta
            }
        }
        UnaryOp::Mish => x * softplus(x).tanh(),
        UnaryOp::HardSigmoid => smaller(larger(x + 3.0, 0.0), 6.0) / 6.0,
        UnaryOp::HardSwish => x * smaller(larger(x + 3.0, 0.0), 6.0) / 6.0,
        UnaryOp::Softsign => x / (1.0 + x.abs()),
        UnaryOp::Threshold { threshold, value } => {
            if x <= threshold {
                value
            } else {
                x
            }
        }
        UnaryOp::Not | UnaryOp::ClampInt { .. } | UnaryOp::PowInt(_) => return None,
    })
}

pub(super) fn binary_bool(op: BinaryOp, a: bool, b: bool) -> Option<bool> {
    match op {
        BinaryOp::Add | BinaryOp::Or | BinaryOp::Maximum => Some(a | b),
        BinaryOp::Mul | BinaryOp::And | BinaryOp::Minimum => Some(a & b),
        BinaryOp::Xor => Some(a ^ b),
        _ => None,
    }
}

/// Divisors are not 0.
pub(super) fn binary_int(op: BinaryOp, a: i64, b: i64) -> Option<i64> {
    // The remainder of a division that rounds to 0, and whether one that rounds down differs from it.
    let (rest, lower) = match b {
        0 => (0, false),
        _ => (a.wrapping_rem(b), a.wrapping_rem(b) != 0 && (a < 0) != (b < 0)),
    };
    Some(match op {
        BinaryOp::Add => a.wrapping_add(b),
        BinaryOp::Sub => a.wrapping_sub(b),
        BinaryOp::Mul => a.wrapping_mul(b),
        BinaryOp::Maximum | BinaryOp::Fmax => a.max(b),
        BinaryOp::Minimum | BinaryOp::Fmin => a.min(b),
        BinaryOp::And => a & b,
        BinaryOp::Or => a | b,
        BinaryOp::Xor => a ^ b,
        BinaryOp::AddScaledInt(alpha) => a.wrapping_add(b.wrapping_mul(alpha)),
        BinaryOp::Pow if b >= 0 => power(a, b as u64),
        BinaryOp::Pow => match a {
            1 => 1,
            -1 if b % 2 == 0 => 1,
            -1 => -1,
            _ => 0,
        },
        BinaryOp::Fmod => rest,
        BinaryOp::Remainder => {
            if lower {
                rest + b
            } else {
                rest
            }
        }
        BinaryOp::FloorDivide => a.wrapping_div(b) - i64::from(lower),
        _ => return None,
    })
}

pub(super) fn binary_float(op: BinaryOp, a: f64, b: f64) -> Option<f64> {
    Some(match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div => a / b,
        BinaryOp::Pow => a.powf(b),
        BinaryOp::Maximum => larger(a, b),
        BinaryOp::Minimum => smaller(a, b),
        BinaryOp::Fmax => a.max(b),
        BinaryOp::Fmin => a.min(b),
        BinaryOp::Remainder => {
            let rest = a % b;
            if rest != 0.0 && (b < 0.0) != (rest < 0.0) { rest + b } else { rest }
        }
        BinaryOp::Fmod => a % b,
        BinaryOp::FloorDivide if b == 0.0 => a / b,
        BinaryOp::FloorDivide => {
            // By the exact remainder: 1.0 // 0.1 is 9.
            let rest = a % b;
            let lower = rest != 0.0 && (b < 0.0) != (rest < 0.0);
            let quotient = (a - rest) / b - if lower { 1.0 } else { 0.0 };
            if quotient == 0.0 { 0f64.copysign(a / b) } else { quotient.round() }
        }
        BinaryOp::Atan2 => a.atan2(b),
        BinaryOp::AddScaled(alpha) => a + alpha * b,
        BinaryOp::LerpScalar(weight) if weight.abs() < 0.5 => a + weight * (b - a),
        BinaryOp::LerpScalar(weight) => b + (weight - 1.0) * (b - a),
        BinaryOp::AddRelu => larger(a + b, 0.0),
        BinaryOp::Prelu => {
            if a > 0.0 {
                a
            } else {
                a * b
            }
        }
        BinaryOp::And | BinaryOp::Or | BinaryOp::Xor | BinaryOp::AddScaledInt(_) => return None,
    })
}
