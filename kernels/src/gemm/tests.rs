use super::*;
use crate::Activation;
use crate::half::{Bf16, F16};
use crate::isa::{Isa, with_isa};
use crate::threads::set_num_threads;

/// Pseudorandom values in -1..1.
pub(crate) fn noise(len: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

trait TestElement: GemmElement {
    /// The relative error of one operation, and of rounding to the stored type.
    const EPS: f64;
    const ROUNDING: f64;
    /// The maximum magnitude of test values.
    const SCALE: f64;
    fn computed(x: f64) -> Self::Computed;
    fn to_f64(self) -> f64;

    fn from_f64(x: f64) -> Self {
        Self::narrow(Self::computed(x))
    }
}
macro_rules! test_element {
    ($t:ident as $computed:ident, $eps:expr, $rounding:expr, $scale:expr) => {
        impl TestElement for $t {
            const EPS: f64 = $eps;
            const ROUNDING: f64 = $rounding;
            const SCALE: f64 = $scale;
            fn computed(x: f64) -> $computed {
                x as $computed
            }
            fn to_f64(self) -> f64 {
                Stored::widen(self) as f64
            }
        }
    };
}
test_element!(f32 as f32, f32::EPSILON as f64, 0.0, 1.0);
test_element!(f64 as f64, f64::EPSILON, 0.0, 1.0);
test_element!(F16 as f32, f32::EPSILON as f64, 1.0 / 1024.0, 1.0);
test_element!(Bf16 as f32, f32::EPSILON as f64, 1.0 / 128.0, 1.0);
test_element!(i64 as i64, 0.0, 0.0, 100.0);
test_element!(i32 as i64, 0.0, 0.0, 10_000.0);
test_element!(i16 as i64, 0.0, 0.0, 1000.0);
test_element!(i8 as i64, 0.0, 0.0, 100.0);
test_element!(u8 as i64, 0.0, 0.0, 100.0);

/// The memory layout of a test matrix.
#[derive(Clone, Copy, Debug)]
enum Order {
    Rows,
    Columns,
    /// Every third element of rows that are not adjacent.
    Sparse,
}

fn strides(order: Order, rows: usize, cols: usize) -> (isize, isize, usize) {
    match order {
        Order::Rows => (cols as isize, 1, rows * cols),
        Order::Columns => (1, rows as isize, rows * cols),
        Order::Sparse => (3 * cols as isize + 5, 3, rows * (3 * cols + 5)),
    }
}

struct Case {
    m: usize,
    n: usize,
    k: usize,
    orders: [Order; 3],
    alpha: f64,
    beta: f64,
    bias: bool,
    activation: Activation,
}

fn product<T: TestElement>(case: &Case) -> Vec<T> {
    let &Case { m, n, k, orders, .. } = case;
    let (ars, acs, alen) = strides(orders[0], m, k);
    let (brs, bcs, blen) = strides(orders[1], k, n);
    let (crs, ccs, clen) = strides(orders[2], m, n);
    let make = |len, seed| noise(len, seed).into_iter().map(|x| T::from_f64(x * T::SCALE)).collect::<Vec<T>>();
    let (a, b, mut c) = (make(alen, 1), make(blen, 2), make(clen, 3));
    let (row, col) = (make(m, 4), make(n, 5));
    let epilogue = Epilogue {
        bias_row: case.bias.then_some(&row[..]),
        bias_col: case.bias.then_some(&col[..]),
        activation: case.activation,
    };
    let (alpha, beta) = (case.alpha * T::SCALE, case.beta * T::SCALE);
    let mut want: Vec<f64> = c.iter().map(|c| c.to_f64()).collect();
    let mut bound = 0.0f64;
    for i in 0..m {
        for j in 0..n {
            let mut sum = 0.0;
            let mut size = 0.0;
            for q in 0..k {
                let x =
                    a[i * ars as usize + q * acs as usize].to_f64() * b[q * brs as usize + j * bcs as usize].to_f64();
                sum += x;
                size += x.abs();
            }
            let at = i * crs as usize + j * ccs as usize;
            let mut x = alpha * sum + beta * c[at].to_f64();
            if case.bias {
                x += row[i].to_f64() + col[j].to_f64();
            }
            if case.activation != Activation::None {
                x = x.max(0.0);
            }
            if case.activation == Activation::Relu6 {
                x = x.min(6.0);
            }
            let sums = (size * alpha.abs() + 4.0) * T::EPS * ((k as f64).sqrt() + 4.0);
            bound = bound.max(sums + T::ROUNDING / 2.0 * (x.abs() + sums));
            // Integers wrap.
            want[at] = if T::EPS > 0.0 { x } else { T::from_f64(x).to_f64() };
        }
    }
    // SAFETY: the vectors are as long as the strides need.
    unsafe {
        let (a, b) = (Mat::new(a.as_ptr(), ars, acs), Mat::new(b.as_ptr(), brs, bcs));
        let c = MatMut::new(c.as_mut_ptr(), crs, ccs);
        gemm(m, n, k, T::computed(alpha), a, b, T::computed(beta), c, &epilogue);
    }
    // Elements between those of C are compared too: they must not change.
    for (at, (&got, &want)) in c.iter().zip(&want).enumerate() {
        let off = (got.to_f64() - want).abs();
        assert!(
            off <= bound,
            "{m}x{n}x{k} {orders:?}: element {at} is {got:?}, not {want:?} (off by {off:e}, bound {bound:e})"
        );
    }
    c
}

fn plain(m: usize, n: usize, k: usize) -> Case {
    let rows = Order::Rows;
    Case { m, n, k, orders: [rows, rows, rows], alpha: 1.0, beta: 0.0, bias: false, activation: Activation::None }
}

fn everywhere(case: &Case) {
    for isa in Isa::available() {
        with_isa(isa, || {
            product::<f32>(case);
            product::<f64>(case);
        });
    }
    product::<i64>(case);
}

#[test]
fn every_small_shape() {
    for m in 1..=19 {
        for n in [1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 33, 47, 48, 49, 64, 95, 97] {
            for k in [0, 1, 2, 5, 8, 19] {
                everywhere(&plain(m, n, k));
            }
        }
    }
}

#[test]
fn every_order_and_epilogue() {
    use Order::*;
    for (m, n, k) in [(5, 7, 9), (1, 40, 33), (40, 1, 35), (1, 1, 70), (65, 130, 70), (130, 50, 300)] {
        for a in [Rows, Columns, Sparse] {
            for b in [Rows, Columns, Sparse] {
                for c in [Rows, Columns, Sparse] {
                    let orders = [a, b, c];
                    everywhere(&Case { orders, ..plain(m, n, k) });
                    everywhere(&Case { orders, beta: 1.0, activation: Activation::Relu, ..plain(m, n, k) });
                    let activation = Activation::Relu6;
                    everywhere(&Case { orders, alpha: 2.0, beta: -0.5, bias: true, activation, ..plain(m, n, k) });
                }
            }
        }
    }
}

#[test]
fn blocked_in_every_dimension() {
    for (m, n, k) in [(300, 200, 700), (20, 5000, 50), (4200, 60, 40), (70, 90, 6000), (257, 511, 385)] {
        for isa in Isa::available() {
            with_isa(isa, || {
                product::<f32>(&Case { bias: true, beta: 0.5, ..plain(m, n, k) });
                product::<f64>(&Case { orders: [Order::Columns, Order::Columns, Order::Rows], ..plain(m, n, k) });
            });
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let before = crate::threads::num_threads();
    for (m, n, k) in [(300, 200, 700), (64, 256, 784), (1000, 1, 900), (1, 1000, 900), (129, 4100, 50)] {
        for isa in Isa::available() {
            with_isa(isa, || {
                let case = Case { bias: true, ..plain(m, n, k) };
                set_num_threads(1);
                let one = product::<f32>(&case);
                for threads in 2..5 {
                    set_num_threads(threads);
                    assert!(product::<f32>(&case) == one);
                }
            });
        }
    }
    set_num_threads(before);
}

#[test]
fn c_is_not_read_when_beta_is_zero_and_nan_passes_a_clamp() {
    for isa in Isa::available() {
        with_isa(isa, || {
            for (m, n) in [(3, 5), (9, 1), (60, 100)] {
                let a = vec![f32::NAN; m];
                let b = vec![1.0f32; n];
                let mut c = vec![f32::NAN; m * n];
                let epilogue = Epilogue { activation: Activation::Relu6, ..Epilogue::default() };
                // SAFETY: the vectors have the sizes given.
                unsafe {
                    let (a, b) = (Mat::new(a.as_ptr(), 1, 1), Mat::new(b.as_ptr(), n as isize, 1));
                    let c = MatMut::new(c.as_mut_ptr(), n as isize, 1);
                    gemm(m, n, 0, 1.0, a, b, 0.0, c, &Epilogue::default());
                    assert_eq!(*c.ptr, 0.0);
                    gemm(m, n, 1, 1.0, a, b, 0.0, c, &epilogue);
                }
                assert!(c.iter().all(|x| x.is_nan()));
            }
        });
    }
}

#[test]
fn batches_share_a_matrix_by_stride_zero() {
    for (batch, m, n, k) in [(3, 4, 5, 6), (40, 8, 8, 8), (9, 70, 50, 60)] {
        let (a, b, bias) = (noise(batch * m * k, 1), noise(k * n, 2), noise(n, 3));
        let epilogue = Epilogue { bias_col: Some(&bias[..]), activation: Activation::Relu, ..Epilogue::default() };
        let mut got = vec![f64::NAN; batch * m * n];
        let mut want = got.clone();
        // SAFETY: the vectors have the sizes given.
        unsafe {
            let (ma, mb) = (Mat::new(a.as_ptr(), k as isize, 1), Mat::new(b.as_ptr(), n as isize, 1));
            let c = MatMut::new(got.as_mut_ptr(), n as isize, 1);
            gemm_batched(batch, m, n, k, 1.0, ma, (m * k) as isize, mb, 0, 0.0, c, (m * n) as isize, &epilogue);
            let c = MatMut::new(want.as_mut_ptr(), n as isize, 1);
            gemm(batch * m, n, k, 1.0, ma, mb, 0.0, c, &epilogue);
        }
        for (got, want) in got.iter().zip(&want) {
            assert!((got - want).abs() < 1e-12);
        }
    }
}

fn every_converted(case: &Case) -> (Vec<F16>, Vec<Bf16>) {
    product::<u8>(case);
    product::<i8>(case);
    product::<i16>(case);
    product::<i32>(case);
    (product::<F16>(case), product::<Bf16>(case))
}

#[test]
fn converted_types_in_every_size_and_order() {
    use Order::*;
    for isa in Isa::available() {
        with_isa(isa, || {
            for m in [1, 2, 5, 8, 17] {
                for n in [1, 3, 16, 49] {
                    for k in [0, 1, 2, 3, 8, 31] {
                        every_converted(&plain(m, n, k));
                    }
                }
            }
            for (m, n, k) in [(65, 130, 71), (30, 50, 2201)] {
                for orders in [
                    [Rows, Columns, Rows],
                    [Columns, Rows, Columns],
                    [Sparse, Sparse, Sparse],
                    [Columns, Columns, Rows],
                ] {
                    every_converted(&Case { orders, ..plain(m, n, k) });
                    let activation = Activation::Relu;
                    every_converted(&Case { orders, alpha: 2.0, beta: -0.5, bias: true, activation, ..plain(m, n, k) });
                }
            }
        });
    }
}

#[test]
fn bf16_without_hardware_multiplication() {
    // The path of a processor that has AVX-512 but not AVX-512 BF16.
    let (m, n, k) = (37, 61, 129);
    let numbers = |len, seed| noise(len, seed).into_iter().map(|x| Bf16::from_f32(x as f32)).collect::<Vec<_>>();
    let (a, b) = (numbers(m * k, 1), numbers(k * n, 2));
    let (ma, mb) = (Mat::new(a.as_ptr(), k as isize, 1), Mat::new(b.as_ptr(), n as isize, 1));
    for isa in Isa::available() {
        let mut c = vec![0f32; m * n];
        let to = MatMut::new(c.as_mut_ptr(), n as isize, 1);
        let problem = problem_of(m, n, k, 1.0, ma, mb, 0.0, to, &Epilogue::default());
        // SAFETY: the vectors have these sizes.
        unsafe { blocked::run_packed(&problem, kernel::kernels_f32(isa)) };
        for i in 0..m {
            for j in 0..n {
                let want: f64 = (0..k).map(|q| a[i * k + q].to_f32() as f64 * b[q * n + j].to_f32() as f64).sum();
                assert!((c[i * n + j] as f64 - want).abs() < 1e-5 * k as f64, "{isa:?}");
            }
        }
    }
}

#[test]
fn converted_types_do_not_depend_on_the_number_of_threads() {
    let before = crate::threads::num_threads();
    for isa in Isa::available() {
        with_isa(isa, || {
            let case = Case { bias: true, beta: 0.5, ..plain(129, 410, 1301) };
            set_num_threads(1);
            let one = every_converted(&case);
            for threads in 2..4 {
                set_num_threads(threads);
                assert!(every_converted(&case) == one);
            }
        });
    }
    set_num_threads(before);
}

#[test]
fn halves_round_to_nearest_even_and_widen_exactly() {
    for bits in 0..=u16::MAX {
        let (f16, bf16) = (F16(bits), Bf16(bits));
        let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
        let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
        let want = match exponent {
            0 => sign * fraction * 2f64.powi(-24),
            31 if fraction == 0.0 => sign * f64::INFINITY,
            31 => f64::NAN,
            _ => sign * (1024.0 + fraction) * 2f64.powi(exponent - 25),
        };
        let wide = f16.to_f32();
        assert!(wide as f64 == want && wide.is_sign_negative() == (sign < 0.0) || wide.is_nan() && want.is_nan());
        assert!(F16::from_f32(wide) == f16 || wide.is_nan() && F16::from_f32(wide).to_f32().is_nan());
        assert_eq!(bf16.to_f32().to_bits(), u32::from(bits) << 16);
        assert!(Bf16::from_f32(bf16.to_f32()) == bf16 || Bf16::from_f32(bf16.to_f32()).to_f32().is_nan());
        // Between two neighbors: ties go to the even one, others to the nearest.
        let middles = [
            (F16(bits + u16::from(bits & 0x7fff < 0x7bff)).to_f32(), wide),
            (Bf16(bits + u16::from(bits & 0x7fff < 0x7f7f)).to_f32(), bf16.to_f32()),
        ];
        for (half, (high, low)) in middles.into_iter().enumerate() {
            if high == low || !low.is_finite() {
                continue;
            }
            let middle = (low as f64 + high as f64) / 2.0;
            let round = |x: f32| if half == 0 { F16::from_f32(x).0 } else { Bf16::from_f32(x).0 };
            assert_eq!(round(middle as f32), bits + (bits & 1), "{low} {high}");
            if middle.abs() > f32::MIN_POSITIVE as f64 {
                assert_eq!(round((middle as f32).abs().next_down().copysign(low)), bits);
                assert_eq!(round((middle as f32).abs().next_up().copysign(low)), bits + 1);
            }
        }
    }
    assert_eq!(F16::from_f32(65519.0).0, 0x7bff);
    assert_eq!(F16::from_f32(65520.0).0, 0x7c00);
    assert_eq!(F16::from_f32(-1e10).0, 0xfc00);
}
