//! Types whose stored type is not their computed type, against loops that convert each element.

use super::super::*;
use super::layouts::{Contiguous, EverySecond, KINDS, Reversed, SHAPES, Transposed, view};
use super::on_every_isa;
use crate::for_each_dtype;
use crate::half::{Bf16, F16};

/// Nonzero elements of every magnitude and sign.
trait Sample: Stored {
    fn sample(i: usize) -> Self;
}

macro_rules! sample {
    ($($t:ident)*) => {$(
        impl Sample for $t {
            fn sample(i: usize) -> $t {
                ((i * 7919) % 251 + 1) as $t
            }
        }
    )*};
}
sample!(u8 i8 i16 i32);
impl Sample for F16 {
    fn sample(i: usize) -> F16 {
        F16::from_f32((i % 1009) as f32 * 0.37 - 100.1)
    }
}
impl Sample for Bf16 {
    fn sample(i: usize) -> Bf16 {
        Bf16::from_f32((i % 1009) as f32 * 0.37 - 100.1)
    }
}

type Unary<C> = (UnaryOp, fn(C) -> C);
type Binary<C> = (BinaryOp, fn(C, C) -> C);

/// Checks operations whose reference is given in the computed type.
fn check<T: Sample>(unaries: &[Unary<T::Computed>], binaries: &[Binary<T::Computed>]) {
    let name = std::any::type_name::<T>();
    on_every_isa(|isa| {
        // An empty tensor, several chunks, and more dimensions.
        for dims in SHAPES.into_iter().skip(2).step_by(3) {
            let n: usize = dims.iter().product();
            for kind in KINDS {
                let x = view(kind, dims, T::sample);
                let b = view(Contiguous, dims, |i| T::sample(i * 3 + 1));
                for out_kind in [Contiguous, Transposed, EverySecond, Reversed] {
                    for &(op, reference) in unaries {
                        let mut out = view(out_kind, dims, |_| T::default());
                        let to = out.ptr_mut();
                        // SAFETY: the views are large enough for their strides.
                        unsafe { unary(op, dims, x.ptr(), &x.strides, to, &out.strides) }.unwrap();
                        for i in 0..n {
                            let want = T::narrow(reference(x.get(dims, i).widen()));
                            assert_eq!(out.get(dims, i), want, "{isa:?} {name} {op:?} {dims:?} {kind:?} {out_kind:?}");
                        }
                    }
                    for &(op, reference) in binaries {
                        let mut out = view(out_kind, dims, |_| T::default());
                        let to = out.ptr_mut();
                        // SAFETY: as above.
                        unsafe { binary(op, dims, x.ptr(), &x.strides, b.ptr(), &b.strides, to, &out.strides) }
                            .unwrap();
                        for i in 0..n {
                            let want = T::narrow(reference(x.get(dims, i).widen(), b.get(dims, i).widen()));
                            assert_eq!(out.get(dims, i), want, "{isa:?} {name} {op:?} {dims:?} {kind:?} {out_kind:?}");
                        }
                    }
                }
                let mut less = view(Transposed, dims, |_| false);
                let mut chosen = view(EverySecond, dims, |_| T::default());
                let condition = view(kind, dims, |i| i % 3 == 0);
                let (less_to, chosen_to) = (less.ptr_mut(), chosen.ptr_mut());
                // SAFETY: as above.
                unsafe {
                    let (xs, bs, cs) = (&x.strides, &b.strides, &condition.strides);
                    compare(CompareOp::Lt, dims, x.ptr(), xs, b.ptr(), bs, less_to, &less.strides);
                    where_(dims, condition.ptr(), cs, x.ptr(), xs, b.ptr(), bs, chosen_to, &chosen.strides);
                }
                for i in 0..n {
                    let (x, b) = (x.get(dims, i), b.get(dims, i));
                    assert_eq!(less.get(dims, i), x.widen() < b.widen(), "{isa:?} {name} {dims:?} {kind:?}");
                    assert_eq!(chosen.get(dims, i), if condition.get(dims, i) { x } else { b }, "{isa:?} {name}");
                }
            }
        }
        // In-place, and longer than a chunk.
        let (op, reference) = binaries[0];
        let x: Vec<T> = (0..3001).map(T::sample).collect();
        let mut y = x.clone();
        // SAFETY: both have this length.
        unsafe { binary_contiguous(op, y.len(), x.as_ptr(), y.as_ptr(), y.as_mut_ptr()) }.unwrap();
        for (x, y) in x.iter().zip(&y) {
            assert_eq!(*y, T::narrow(reference(x.widen(), x.widen())), "{isa:?} {name}");
        }
    });
}

fn integers<T: Sample<Computed = i64>>() {
    check::<T>(
        &[
            (UnaryOp::Neg, |x| -x),
            (UnaryOp::Abs, i64::abs),
            (UnaryOp::Square, |x| x * x),
            (UnaryOp::Not, |x| !x),
            (UnaryOp::Relu, |x| x.max(0)),
        ],
        &[
            (BinaryOp::Mul, |a, b| a * b),
            (BinaryOp::Add, |a, b| a + b),
            (BinaryOp::Sub, |a, b| a - b),
            (BinaryOp::Maximum, i64::max),
            (BinaryOp::And, |a, b| a & b),
            (BinaryOp::FloorDivide, |a, b| a.div_euclid(b) - i64::from(b < 0 && a.rem_euclid(b) != 0)),
            (BinaryOp::Fmod, |a, b| a % b),
        ],
    );
    let (x, mut y) = ([T::sample(0)], [T::default()]);
    // SAFETY: one element each.
    let result = unsafe { binary_contiguous(BinaryOp::Remainder, 1, x.as_ptr(), &T::default(), y.as_mut_ptr()) };
    assert_eq!(result, Err(Error::ZeroDivision));
}

fn halves<T: Sample<Computed = f32>>() {
    check::<T>(
        &[(UnaryOp::Neg, |x| -x), (UnaryOp::Abs, f32::abs), (UnaryOp::Square, |x| x * x)],
        &[
            (BinaryOp::Mul, |a, b| a * b),
            (BinaryOp::Add, |a, b| a + b),
            (BinaryOp::Div, |a, b| a / b),
            (BinaryOp::Maximum, f32::max),
        ],
    );
}

#[test]
fn narrow_integers_compute_wide_and_wrap() {
    integers::<u8>();
    integers::<i8>();
    integers::<i16>();
    integers::<i32>();
}

#[test]
fn halves_compute_in_single_precision_and_round_once() {
    halves::<F16>();
    halves::<Bf16>();
}

#[test]
fn a_scalar_is_not_rounded_first() {
    on_every_isa(|isa| {
        let x: Vec<F16> = (0..1300).map(F16::sample).collect();
        let mut y = vec![F16::default(); 2 * x.len()];
        for first in [false, true] {
            // SAFETY: the vectors have the elements.
            unsafe {
                let (x, y) = (x.as_ptr(), y.as_mut_ptr());
                binary_with_number(BinaryOp::Sub, &[1300], x, &[1], 0.1, first, y, &[2]).unwrap();
            }
            for (i, x) in x.iter().enumerate() {
                let want = if first { 0.1 - x.to_f32() } else { x.to_f32() - 0.1 };
                assert_eq!(y[2 * i], F16::from_f32(want), "{isa:?} {first}");
            }
        }
    });
}

#[test]
fn gradients_are_converted_too() {
    on_every_isa(|isa| {
        let n = 1300;
        let [g, x] = [0, 1].map(|k| (0..n).map(|i| F16::sample(i * 5 + k)).collect::<Vec<_>>());
        let mut y = vec![F16::default(); n];
        // SAFETY: the vectors have this length.
        unsafe { gradient_contiguous(GradOp::LeakyRelu(0.3), n, g.as_ptr(), x.as_ptr(), y.as_mut_ptr()) }.unwrap();
        for i in 0..n {
            let g = g[i].to_f32();
            let want = if x[i].to_f32() > 0.0 { g } else { g * 0.3 };
            assert_eq!(y[i], F16::from_f32(want), "{isa:?}");
        }
    });
}

/// A value of any type.
#[derive(Clone, Copy, Debug)]
enum Number {
    Integer(i64),
    Float(f64),
}

/// An element's value, and the element nearest to a value.
trait Element: Stored {
    fn number(self) -> Number;
    fn of(number: Number) -> Self;
    fn bits(self) -> u64;
}

macro_rules! element {
    ($($t:ident)*: $by:ident) => {$(
        impl Element for $t {
            fn number(self) -> Number {
                Number::Integer(self.into())
            }

            fn of(number: Number) -> $t {
                match number {
                    Number::Integer(x) => x as $t,
                    Number::Float(x) if x.trunc() >= $by::MIN as f64 && x.trunc() < -($by::MIN as f64) => x as $by as $t,
                    Number::Float(_) => $by::MIN as $t,
                }
            }

            fn bits(self) -> u64 {
                self as u64
            }
        }
    )*};
}
element!(u8 i64: i64);
element!(i8 i16 i32: i32);
impl Element for bool {
    fn number(self) -> Number {
        Number::Integer(self.into())
    }

    fn of(number: Number) -> bool {
        match number {
            Number::Integer(x) => x != 0,
            Number::Float(x) => x != 0.0,
        }
    }

    fn bits(self) -> u64 {
        self.into()
    }
}
macro_rules! float_element {
    ($t:ident, |$x:ident| $from:expr, |$self:ident| $bits:expr) => {
        impl Element for $t {
            fn number(self) -> Number {
                Number::Float(self.into())
            }

            fn of(number: Number) -> $t {
                match number {
                    Number::Integer($x) => $from,
                    Number::Float($x) => $from,
                }
            }

            fn bits(self) -> u64 {
                let $self = self;
                if $self.number_is_nan() { 1 << 40 } else { $bits }
            }
        }
    };
}
trait Nan {
    fn number_is_nan(&self) -> bool;
}
impl<T: PartialEq> Nan for T {
    #[allow(clippy::eq_op)]
    fn number_is_nan(&self) -> bool {
        self != self
    }
}
float_element!(f32, |x| x as f32, |x| x.to_bits().into());
float_element!(f64, |x| x as f64, |x| x.to_bits());
float_element!(F16, |x| F16::from_f32(x as f32), |x| x.0.into());
float_element!(Bf16, |x| Bf16::from_f32(x as f32), |x| x.0.into());

fn cast<S: Element, D: Element>() {
    // Values on both sides of every limit.
    let mut numbers = vec![Number::Float(f64::NAN), Number::Float(f64::INFINITY), Number::Float(f64::NEG_INFINITY)];
    for k in [0, 7, 8, 10, 15, 16, 24, 31, 32, 33, 53, 63] {
        for delta in [-3.0, -1.0, -0.5, 0.0, 0.3, 1.0, 7.0] {
            let x = 2f64.powi(k) + delta;
            numbers.extend([Number::Float(x), Number::Float(-x), Number::Integer(x as i64)]);
        }
    }
    let source: Vec<S> = numbers.repeat(5).into_iter().map(S::of).collect();
    on_every_isa(|isa| {
        let n = source.len();
        let mut out = vec![D::default(); 2 * n];
        for step in [1, 2] {
            // SAFETY: the vectors have the elements.
            unsafe { copy(&[n], source.as_ptr(), &[1], out.as_mut_ptr(), &[step]) };
            for (i, x) in source.iter().enumerate() {
                let (got, want) = (out[i * step as usize], D::of(x.number()));
                assert_eq!(got.bits(), want.bits(), "{isa:?}: {x:?} of {} became {got:?}", std::any::type_name::<S>());
            }
        }
    });
}

#[test]
fn every_type_is_cast_to_every_type() {
    macro_rules! from {
        ($source:ty; $($category:ident { $($(#[$doc:meta])* $v:ident: $stored:ty as $c:ty, $n:literal, $s:literal;)* })*) => {
            $($(cast::<$source, $stored>();)*)*
        };
    }
    macro_rules! all {
        ($($category:ident { $($(#[$doc:meta])* $v:ident: $stored:ty as $c:ty, $n:literal, $s:literal;)* })*) => {
            $($(for_each_dtype!(from $stored;);)*)*
        };
    }
    for_each_dtype!(all);
}
