use super::*;
use crate::half::{Bf16, F16};
use crate::isa::{Isa, with_isa};
use crate::threads::set_num_threads;

/// Deterministic pseudorandom values.
fn noise(n: usize) -> Vec<f64> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    (0..n)
        .map(|_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
        })
        .collect()
}

/// A view of a contiguous array: sizes, strides, and the reduced dimensions.
struct Case {
    sizes: Vec<usize>,
    strides: Vec<isize>,
    reduced: Vec<usize>,
    start: isize,
    len: usize,
}

impl Case {
    fn contiguous(sizes: &[usize], reduced: &[usize]) -> Case {
        let mut strides = vec![1; sizes.len()];
        for d in (0..sizes.len().saturating_sub(1)).rev() {
            strides[d] = strides[d + 1] * sizes[d + 1] as isize;
        }
        let len = sizes.iter().product();
        Case { sizes: sizes.to_vec(), strides, reduced: reduced.to_vec(), start: 0, len }
    }

    fn permuted(sizes: &[usize], order: &[usize], reduced: &[usize]) -> Case {
        let mut case = Case::contiguous(sizes, reduced);
        case.sizes = order.iter().map(|&d| sizes[d]).collect();
        case.strides = order.iter().map(|&d| case.strides[d]).collect();
        case
    }

    fn axes(&self, wanted: bool) -> Axes {
        let mut axes = Axes::NONE;
        for d in 0..self.sizes.len() {
            if self.reduced.contains(&d) == wanted {
                axes.push(self.sizes[d], self.strides[d]);
            }
        }
        axes
    }

    /// For every output the elements that it is computed from, in order.
    fn groups(&self) -> Vec<Vec<usize>> {
        let offsets = |wanted: bool| {
            let mut all = vec![0isize];
            for d in 0..self.sizes.len() {
                if self.reduced.contains(&d) == wanted {
                    all = all
                        .iter()
                        .flat_map(|&o| (0..self.sizes[d]).map(move |i| o + i as isize * self.strides[d]))
                        .collect();
                }
            }
            all
        };
        let reduced = offsets(true);
        offsets(false).iter().map(|k| reduced.iter().map(|r| (self.start + k + r) as usize).collect()).collect()
    }
}

fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for n in [0, 1, 2, 7, 15, 16, 17, 100, 127, 128, 129, 1000, 5000, 40_001, 300_000] {
        cases.push(Case::contiguous(&[n], &[0]));
    }
    for (a, b) in [(1, 1), (3, 5), (64, 256), (7, 300), (1000, 10), (10, 1000), (3, 70_000), (70_000, 3), (600, 257)] {
        cases.push(Case::contiguous(&[a, b], &[0]));
        cases.push(Case::contiguous(&[a, b], &[1]));
        cases.push(Case::permuted(&[a, b], &[1, 0], &[0, 1]));
        cases.push(Case::permuted(&[a, b], &[1, 0], &[0]));
    }
    for sizes in [[4, 3, 5, 6], [2, 64, 9, 31], [5, 1, 40, 40], [16, 8, 33, 33]] {
        for reduced in [&[0][..], &[1], &[3], &[0, 2, 3], &[2, 3], &[1, 2], &[0, 3], &[0, 1, 2, 3], &[]] {
            cases.push(Case::contiguous(&sizes, reduced));
            cases.push(Case::permuted(&sizes, &[0, 2, 3, 1], reduced));
            cases.push(Case::permuted(&sizes, &[3, 1, 0, 2], reduced));
        }
    }
    // A dimension of size 0, an expanded one, a step of 2, and a negative stride.
    cases.push(Case::contiguous(&[3, 0, 2], &[1]));
    cases.push(Case::contiguous(&[3, 0, 2], &[0]));
    for reduced in [vec![0], vec![1], vec![0, 1]] {
        cases.push(Case { sizes: vec![5, 20], strides: vec![0, 1], reduced: reduced.clone(), start: 0, len: 20 });
        cases.push(Case { sizes: vec![5, 20], strides: vec![1, 0], reduced: reduced.clone(), start: 0, len: 5 });
        cases.push(Case { sizes: vec![30, 40], strides: vec![80, 2], reduced: reduced.clone(), start: 1, len: 2400 });
        cases.push(Case { sizes: vec![30, 40], strides: vec![-40, -1], reduced, start: 1199, len: 1200 });
    }
    cases
}

type F<T, O> = unsafe fn(*const T, &Axes, &Axes, *mut O);

fn run<T, O: Copy>(case: &Case, x: &[T], fill: O, f: F<T, O>) -> Vec<O> {
    let (kept, reduced) = (case.axes(false), case.axes(true));
    let mut out = vec![fill; kept.count()];
    // SAFETY: the case's offsets are inside its `len`.
    unsafe { f(x.as_ptr().wrapping_offset(case.start), &kept, &reduced, out.as_mut_ptr()) };
    out
}

/// Runs `f` on all instruction sets, with one and two threads; all results must agree.
fn everywhere<O: PartialEq + std::fmt::Debug>(f: impl Fn() -> Vec<O>) -> Vec<O> {
    let want = f();
    for isa in Isa::available() {
        for threads in [1, 2] {
            set_num_threads(threads);
            let got = with_isa(isa, &f);
            assert!(got == want, "{isa:?}, {threads} threads");
        }
    }
    want
}

fn close(got: f64, want: f64, scale: f64, ulp: f64) -> bool {
    (got - want).abs() <= 4.0 * ulp * want.abs() + ulp * scale || got.is_nan() && want.is_nan()
}

#[test]
fn floats_match_a_plain_loop() {
    for case in cases() {
        let wide = noise(case.len);
        let x32: Vec<f32> = wide.iter().map(|&x| x as f32).collect();
        for (i, group) in case.groups().iter().enumerate().take(1) {
            assert!(i == 0 && group.iter().all(|&g| g < case.len));
        }
        let groups = case.groups();
        let want_of = |f: &dyn Fn(&mut dyn Iterator<Item = f64>) -> f64, x: &[f64]| -> Vec<f64> {
            groups.iter().map(|g| f(&mut g.iter().map(|&i| x[i]))).collect()
        };
        let name = format!("{:?} {:?} {:?}", case.sizes, case.strides, case.reduced);
        let exact: Vec<f64> = x32.iter().map(|&x| x as f64).collect();
        let scales = want_of(&|g| g.map(f64::abs).sum(), &exact);
        let counts = want_of(&|g| g.count() as f64, &exact);

        let sums = want_of(&|g| g.sum(), &exact);
        let got = everywhere(|| run(&case, &x32, 9.0f32, sum));
        let got64 = everywhere(|| run(&case, &exact, 9.0f64, sum));
        let means = everywhere(|| run(&case, &x32, 9.0f32, mean).iter().map(|x| x.to_bits()).collect());
        for i in 0..groups.len() {
            assert!(close(got[i] as f64, sums[i], scales[i], 1.2e-7), "sum {name} {i}: {} {}", got[i], sums[i]);
            assert!((got64[i] - sums[i]).abs() <= 1e-14 * scales[i], "sum {name} {i}: {} {}", got64[i], sums[i]);
            let mean = f32::from_bits(means[i]);
            assert!(close(mean as f64, sums[i] / counts[i], scales[i] / counts[i], 1.2e-7), "mean {name} {i}: {mean}");
        }
        let largest = want_of(&|g| g.fold(f64::NEG_INFINITY, f64::max), &exact);
        let smallest = want_of(&|g| g.fold(f64::INFINITY, f64::min), &exact);
        let (most, least) =
            (everywhere(|| run(&case, &x32, 9.0f32, max)), everywhere(|| run(&case, &x32, 9.0f32, min)));
        let (most64, least64) =
            (everywhere(|| run(&case, &exact, 9., max)), everywhere(|| run(&case, &exact, 9., min)));
        for i in 0..groups.len() {
            assert!(most[i] as f64 == largest[i] && least[i] as f64 == smallest[i], "{name}");
            assert!(most64[i] == largest[i] && least64[i] == smallest[i], "{name}");
        }
        // Factors near 1, so that products neither overflow nor underflow.
        let near: Vec<f32> = x32.iter().map(|x| 1.0 + x * 1e-3).collect();
        let near64: Vec<f64> = near.iter().map(|&x| x as f64).collect();
        let products = want_of(&|g| g.product(), &near64);
        let got = everywhere(|| run(&case, &near, 9.0f32, prod));
        for i in 0..groups.len() {
            assert!((got[i] as f64 / products[i] - 1.0).abs() < 2e-7, "prod {name}");
        }
    }
}

#[test]
fn integers_and_bools_match_a_plain_loop() {
    for case in cases() {
        let ints: Vec<i64> = noise(case.len).iter().map(|x| (x * 11.0) as i64).collect();
        let bools: Vec<bool> = noise(case.len).iter().map(|&x| x > 0.499 || (0.0..0.001).contains(&x)).collect();
        let groups = case.groups();
        let name = format!("{:?} {:?} {:?}", case.sizes, case.strides, case.reduced);
        let (sums, prods) = (everywhere(|| run(&case, &ints, 9, sum)), everywhere(|| run(&case, &ints, 9, prod)));
        let (most, least) = (everywhere(|| run(&case, &ints, 9, max)), everywhere(|| run(&case, &ints, 9, min)));
        let (some, every) = (everywhere(|| run(&case, &ints, true, any)), everywhere(|| run(&case, &ints, true, all)));
        let count = everywhere(|| run(&case, &bools, 9, sum));
        let (some_b, every_b) =
            (everywhere(|| run(&case, &bools, true, any)), everywhere(|| run(&case, &bools, true, all)));
        let (max_b, min_b) =
            (everywhere(|| run(&case, &bools, true, max)), everywhere(|| run(&case, &bools, true, min)));
        let prod_b = everywhere(|| run(&case, &bools, 9, prod));
        for (i, group) in groups.iter().enumerate() {
            let x = || group.iter().map(|&g| ints[g]);
            let b = || group.iter().map(|&g| bools[g]);
            assert_eq!(sums[i], x().sum::<i64>(), "{name}");
            assert_eq!(prods[i], x().fold(1i64, i64::wrapping_mul), "{name}");
            assert_eq!(most[i], x().max().unwrap_or(i64::MIN), "{name}");
            assert_eq!(least[i], x().min().unwrap_or(i64::MAX), "{name}");
            assert_eq!((some[i], every[i]), (x().any(|x| x != 0), x().all(|x| x != 0)), "{name}");
            assert_eq!(count[i], b().filter(|&b| b).count() as i64, "{name}");
            assert_eq!((some_b[i], every_b[i]), (b().any(|b| b), b().all(|b| b)), "{name}");
            assert_eq!((max_b[i], min_b[i]), (b().any(|b| b), b().all(|b| b)), "{name}");
            assert_eq!(prod_b[i], b().all(|b| b) as i64, "{name}");
        }
    }
}

#[test]
fn extremes_have_the_first_index() {
    fn check<T: Stored>(x: &[T], case: &Case) {
        let d = case.reduced[0];
        let dim = (case.sizes[d], case.strides[d]);
        let kept = case.axes(false);
        for largest in [true, false] {
            let f = if largest { max_with_index::<T> } else { min_with_index::<T> };
            let results = everywhere(|| {
                let mut values = vec![x[0]; kept.count()];
                let mut indices = vec![-1; kept.count()];
                // SAFETY: the case's offsets are inside `x`.
                unsafe {
                    let x = x.as_ptr().wrapping_offset(case.start);
                    f(x, &kept, dim, values.as_mut_ptr(), indices.as_mut_ptr());
                    let mut again = vec![-1; kept.count()];
                    f(x, &kept, dim, std::ptr::null_mut(), again.as_mut_ptr());
                    assert_eq!(indices, again);
                }
                indices.iter().zip(&values).map(|(&i, v)| (i, format!("{v:?}"))).collect()
            });
            for (group, (index, value)) in case.groups().iter().zip(results) {
                let mut best = 0;
                for i in 1..group.len() {
                    let (a, b) = (x[group[i]], x[group[best]]);
                    #[allow(clippy::eq_op)]
                    if if largest { a > b } else { a < b } || a != a && b == b {
                        best = i;
                    }
                }
                assert_eq!(index as usize, best, "{:?} {:?} {:?}", case.sizes, case.strides, case.reduced);
                assert_eq!(value, format!("{:?}", x[group[best]]));
            }
        }
    }
    for case in cases() {
        if case.reduced.len() != 1 || case.sizes[case.reduced[0]] == 0 || case.len == 0 {
            continue;
        }
        // Few distinct values, so that there are ties; in every second case a few NaNs.
        let mut x: Vec<f64> = noise(case.len).iter().map(|x| (x * 50.0).round()).collect();
        check(&x.iter().map(|&x| x as i64).collect::<Vec<_>>(), &case);
        check(&x.iter().map(|&x| x > 20.0).collect::<Vec<_>>(), &case);
        check(&x, &case);
        check(&x.iter().map(|&x| x as f32).collect::<Vec<_>>(), &case);
        for i in (3..x.len()).step_by(97) {
            x[i] = f64::NAN;
        }
        check(&x, &case);
        check(&x.iter().map(|&x| x as f32).collect::<Vec<_>>(), &case);
    }
    // Nothing beats the worst value: the first element is the extreme.
    for worst in [[f32::NEG_INFINITY; 40], [f32::INFINITY; 40]] {
        check(&worst, &Case::contiguous(&[40], &[0]));
        check(&worst, &Case::contiguous(&[2, 20], &[0]));
    }
}

#[test]
fn nan_and_infinity_propagate() {
    for case in cases().iter().filter(|case| case.len > 1) {
        let mut x = vec![1.0f32; case.len];
        x[case.len / 2] = f32::NAN;
        let bits = |f: F<f32, f32>| everywhere(|| run(case, &x, 0.0f32, f).iter().map(|x| x.is_nan()).collect());
        let want: Vec<bool> = case.groups().iter().map(|g| g.iter().any(|&i| x[i].is_nan())).collect();
        for f in [sum::<f32> as F<f32, f32>, prod, max, min] {
            assert_eq!(bits(f), want, "{:?} {:?} {:?}", case.sizes, case.strides, case.reduced);
        }
        x[case.len / 2] = f32::INFINITY;
        let got = run(case, &x, 0.0f32, sum);
        assert!(got.iter().zip(case.groups()).all(|(s, g)| s.is_infinite() == g.iter().any(|&i| x[i].is_infinite())));
    }
}

#[test]
fn variance_is_stable_far_from_zero() {
    for offset in [0.0, 1e4] {
        for case in cases() {
            let x: Vec<f32> = noise(case.len).iter().map(|x| (x + offset) as f32).collect();
            let wide: Vec<f64> = x.iter().map(|&x| x as f64).collect();
            let (kept, reduced) = (case.axes(false), case.axes(true));
            for correction in [0.0, 1.0] {
                let got = everywhere(|| {
                    let mut out = vec![(0.0f32, 0.0f32); 0];
                    let (mut vars, mut means) = (vec![9.0f32; kept.count()], vec![9.0f32; kept.count()]);
                    // SAFETY: the case's offsets are inside `x`.
                    unsafe {
                        let x = x.as_ptr().wrapping_offset(case.start);
                        var(x, &kept, &reduced, correction, vars.as_mut_ptr(), means.as_mut_ptr());
                    }
                    out.extend(vars.iter().copied().zip(means));
                    out.iter().map(|(v, m)| (v.to_bits(), m.to_bits())).collect()
                });
                for (group, (v, m)) in case.groups().iter().zip(got) {
                    let (v, m) = (f32::from_bits(v) as f64, f32::from_bits(m) as f64);
                    let n = group.len() as f64;
                    let mean = group.iter().map(|&i| wide[i]).sum::<f64>() / n;
                    let want = group.iter().map(|&i| (wide[i] - mean).powi(2)).sum::<f64>() / (n - correction).max(0.0);
                    if want.is_nan() {
                        assert!(v.is_nan());
                    } else {
                        assert!(
                            (v - want).abs() <= 1e-6 * want + 1e-12,
                            "{:?} {:?}: {v} {want}",
                            case.sizes,
                            case.reduced
                        );
                    }
                    assert!(
                        (m - mean).abs() <= 1e-7 * mean.abs() + 3e-8 || n == 0.0 && m.is_nan(),
                        "{:?} {:?} {offset}: {m} {mean}",
                        case.sizes,
                        case.reduced
                    );
                }
            }
        }
    }
}

#[test]
fn a_sum_of_sixteen_million_is_exact_to_an_ulp() {
    let x: Vec<f32> = noise(1 << 24).iter().map(|&x| (x + 0.5) as f32).collect();
    let want = x.iter().map(|&x| x as f64).sum::<f64>() as f32;
    let got = everywhere(|| run(&Case::contiguous(&[1 << 24], &[0]), &x, 0.0f32, sum))[0];
    assert!(got.next_down() <= want && want <= got.next_up(), "{got} {want}");
}

/// Every stored type reduces like its elements in the computed type, and is rounded once.
#[test]
fn stored_types_match_computed_ones() {
    fn floats<T: StoredFloat<Computed = f32>>(of: fn(f64) -> T, sum: F<T, T>) {
        for case in cases() {
            let x: Vec<T> = noise(case.len).iter().map(|&x| of(x * 4.0)).collect();
            let wide: Vec<f32> = x.iter().map(|x| x.widen()).collect();
            let narrow = |results: Vec<f32>| results.into_iter().map(T::narrow).collect::<Vec<T>>();
            let zero = T::default();
            let (kept, reduced) = (case.axes(false), case.axes(true));
            let same = |name: &str, got: Vec<T>, want: Vec<T>| {
                let [got, want] = [got, want].map(|x| x.into_iter().map(|x| format!("{x:?}")).collect::<Vec<_>>());
                assert_eq!(got, want, "{name} of {:?} {:?} {:?}", case.sizes, case.strides, case.reduced);
            };
            let means = everywhere(|| run(&case, &x, zero, mean::<T>).iter().map(|x| format!("{x:?}")).collect());
            let want = narrow(run(&case, &wide, 9.0, mean::<f32>));
            assert_eq!(means, want.iter().map(|x| format!("{x:?}")).collect::<Vec<_>>());
            same("max", run(&case, &x, zero, max), narrow(run(&case, &wide, 9.0, max)));
            let near = |name: &str, got: Vec<T>, want: Vec<f32>, scale: f32| {
                // Blocks of converted elements are smaller, which may change the last bit in the wide type.
                for (got, want) in got.into_iter().map(T::widen).zip(want) {
                    let near = got == want || (got - want).abs() <= 0.005 * want.abs() + 1e-6 * scale + 6e-8;
                    assert!(near || got.is_nan() && want.is_nan(), "{name} of {:?}: {got} {want}", case.sizes);
                }
            };
            near("sum", run(&case, &x, zero, sum), run(&case, &wide, 9.0, super::sum::<f32>), case.len as f32);
            let variances = run(&case, &x, zero, |x, kept, reduced, out| {
                // SAFETY: guaranteed by the caller.
                unsafe { var::<T>(x, kept, reduced, 1.0, out, std::ptr::null_mut()) }
            });
            let (mut want, mut means) = (vec![9.0; kept.count()], vec![9.0; kept.count()]);
            // SAFETY: the case's offsets are inside `wide`.
            unsafe {
                let wide = wide.as_ptr().wrapping_offset(case.start);
                var(wide, &kept, &reduced, 1.0, want.as_mut_ptr(), means.as_mut_ptr());
            }
            near("var", variances, want, 0.0);
        }
    }
    floats::<F16>(|x| F16::from_f32(x as f32), sum::<F16>);
    floats::<Bf16>(|x| Bf16::from_f32(x as f32), sum::<Bf16>);

    fn integers<T: Stored<Computed = i64>>() {
        for case in cases() {
            let x: Vec<T> = noise(case.len).iter().map(|&x| T::narrow((x * 600.0) as i64)).collect();
            let wide: Vec<i64> = x.iter().map(|x| x.widen()).collect();
            let zero = T::default();
            let filled = case.groups().iter().all(|group| !group.is_empty());
            assert_eq!(everywhere(|| run(&case, &x, 9, sum::<T>)), run(&case, &wide, 9, sum::<i64>));
            assert_eq!(everywhere(|| run(&case, &x, 9, prod::<T>)), run(&case, &wide, 9, prod::<i64>));
            assert_eq!(everywhere(|| run(&case, &x, true, any)), run(&case, &wide, true, any));
            assert_eq!(everywhere(|| run(&case, &x, true, all)), run(&case, &wide, true, all));
            if filled {
                let widened = |x: Vec<T>| x.into_iter().map(T::widen).collect::<Vec<_>>();
                assert_eq!(widened(everywhere(|| run(&case, &x, zero, max))), run(&case, &wide, 9, max));
                assert_eq!(widened(everywhere(|| run(&case, &x, zero, min))), run(&case, &wide, 9, min));
            }
            if let ([d], true) = (&case.reduced[..], filled) {
                let (kept, dim) = (case.axes(false), (case.sizes[*d], case.strides[*d]));
                let (mut values, mut indices) = (vec![zero; kept.count()], vec![-1; kept.count()]);
                let (mut wide_values, mut wide_indices) = (vec![9; kept.count()], vec![-1; kept.count()]);
                // SAFETY: the case's offsets are inside `x` and `wide`.
                unsafe {
                    let (x, wide) = (x.as_ptr().wrapping_offset(case.start), wide.as_ptr().wrapping_offset(case.start));
                    max_with_index(x, &kept, dim, values.as_mut_ptr(), indices.as_mut_ptr());
                    max_with_index(wide, &kept, dim, wide_values.as_mut_ptr(), wide_indices.as_mut_ptr());
                }
                assert_eq!(indices, wide_indices);
                assert_eq!(values.into_iter().map(T::widen).collect::<Vec<_>>(), wide_values);
            }
        }
    }
    integers::<u8>();
    integers::<i8>();
    integers::<i16>();
    integers::<i32>();
}
