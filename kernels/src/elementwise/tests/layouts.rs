//! Layouts: the result is the same for all strides, in-place or out-of-place, and for any number of threads.

use std::sync::Mutex;

use super::super::*;
use super::on_every_isa;
use crate::threads;

/// A tensor for tests: `data[offset + sum(index * stride)]`.
#[derive(Clone, Debug)]
pub(super) struct View<T> {
    data: Vec<T>,
    offset: usize,
    pub(super) strides: Vec<isize>,
}

impl<T: Copy> View<T> {
    pub(super) fn at(&self, dims: &[usize], index: usize) -> usize {
        let (mut rest, mut at) = (index, self.offset as isize);
        for d in (0..dims.len()).rev() {
            at += (rest % dims[d]) as isize * self.strides[d];
            rest /= dims[d];
        }
        at as usize
    }

    pub(super) fn get(&self, dims: &[usize], index: usize) -> T {
        self.data[self.at(dims, index)]
    }

    pub(super) fn ptr(&self) -> *const T {
        &self.data[self.offset]
    }

    pub(super) fn ptr_mut(&mut self) -> *mut T {
        &mut self.data[self.offset]
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Contiguous,
    Transposed,
    EverySecond,
    Reversed,
    FirstBroadcast,
    LastBroadcast,
    Scalar,
}
pub(super) use Kind::*;

pub(super) const KINDS: [Kind; 7] =
    [Contiguous, Transposed, EverySecond, Reversed, FirstBroadcast, LastBroadcast, Scalar];

pub(super) const SHAPES: [&[usize]; 14] = [
    &[],
    &[1],
    &[0],
    &[3, 0, 2],
    &[7],
    &[2100],
    &[4, 4],
    &[5, 33],
    &[70, 100],
    &[3, 1, 65],
    &[2, 3, 4, 5],
    &[9, 2, 70],
    &[40, 35, 3],
    &[2, 1, 3, 2, 2, 1, 5, 6],
];

/// A view of distinct values in this layout.
pub(super) fn view<T: Copy>(kind: Kind, dims: &[usize], value: impl Fn(usize) -> T) -> View<T> {
    let rank = dims.len();
    let mut strides = vec![0isize; rank];
    let mut step = if kind == EverySecond { 2 } else { 1 };
    let order: Vec<usize> = if kind == Transposed { (0..rank).collect() } else { (0..rank).rev().collect() };
    for d in order {
        let broadcast = match kind {
            FirstBroadcast => d == 0,
            LastBroadcast => d + 1 == rank,
            Scalar => true,
            _ => false,
        };
        if !broadcast {
            strides[d] = step;
            step *= dims[d].max(1) as isize;
        }
    }
    let mut offset = 0;
    if kind == Reversed {
        for d in 0..rank {
            offset += strides[d] * (dims[d].max(1) as isize - 1);
            strides[d] = -strides[d];
        }
    }
    View { data: (0..step.max(1) as usize * 2).map(value).collect(), offset: offset as usize, strides }
}

fn some(i: usize) -> f32 {
    (i % 1009) as f32 * 0.25 - 100.0
}

fn other(i: usize) -> f32 {
    (i % 997) as f32 * 0.5 - 200.0
}

#[test]
fn unary_layouts() {
    on_every_isa(|isa| {
        for dims in SHAPES {
            let n: usize = dims.iter().product();
            for kind in KINDS {
                for out_kind in [Contiguous, Transposed, EverySecond, Reversed] {
                    let x = view(kind, dims, some);
                    let mut out = view(out_kind, dims, |_| 7.0f32);
                    let (x_ptr, out_ptr) = (x.ptr(), out.ptr_mut());
                    // SAFETY: the views are large enough for their strides.
                    unsafe { unary(UnaryOp::Neg, dims, x_ptr, &x.strides, out_ptr, &out.strides) }.unwrap();
                    let mut touched = vec![false; out.data.len()];
                    for i in 0..n {
                        assert_eq!(out.get(dims, i), -x.get(dims, i), "{isa:?} {dims:?} {kind:?} {out_kind:?} {i}");
                        touched[out.at(dims, i)] = true;
                    }
                    let between = (0..touched.len()).filter(|&i| !touched[i]);
                    assert!(between.into_iter().all(|i| out.data[i] == 7.0), "{isa:?} {dims:?} {kind:?} {out_kind:?}");
                }
            }
        }
    });
}

#[test]
fn binary_layouts() {
    on_every_isa(|isa| {
        for dims in SHAPES {
            let n: usize = dims.iter().product();
            for (a_kind, b_kind) in KINDS.iter().flat_map(|&a| KINDS.map(|b| (a, b))) {
                for out_kind in [Contiguous, Transposed, EverySecond] {
                    let (a, b) = (view(a_kind, dims, some), view(b_kind, dims, other));
                    let mut out = view(out_kind, dims, |_| 0.0f32);
                    let out_ptr = out.ptr_mut();
                    // SAFETY: the views are large enough for their strides.
                    unsafe {
                        binary(BinaryOp::Sub, dims, a.ptr(), &a.strides, b.ptr(), &b.strides, out_ptr, &out.strides)
                    }
                    .unwrap();
                    for i in 0..n {
                        let want = a.get(dims, i) - b.get(dims, i);
                        assert_eq!(out.get(dims, i), want, "{isa:?} {dims:?} {a_kind:?} {b_kind:?} {out_kind:?} {i}");
                    }
                }
            }
        }
    });
}

#[test]
fn in_place() {
    on_every_isa(|isa| {
        for dims in SHAPES {
            let n: usize = dims.iter().product();
            for kind in [Contiguous, Transposed, EverySecond, Reversed] {
                for b_kind in KINDS {
                    for op in [BinaryOp::Sub, BinaryOp::Pow] {
                        let old = view(kind, dims, |i| 1.0 + (i % 37) as f32);
                        let b = view(b_kind, dims, |i| (i % 3) as f32);
                        let reference = |a: f32, b: f32| if op == BinaryOp::Sub { a - b } else { a.powf(b) };
                        let mut a = old.clone();
                        let p = a.ptr_mut();
                        // SAFETY: the views are large enough for their strides; the output is the first input.
                        unsafe { binary(op, dims, p, &old.strides, b.ptr(), &b.strides, p, &old.strides) }.unwrap();
                        for i in 0..n {
                            let want = reference(old.get(dims, i), b.get(dims, i));
                            assert_eq!(a.get(dims, i), want, "{isa:?} {op:?} {dims:?} {kind:?} {b_kind:?} {i}");
                        }
                        let mut a = old.clone();
                        let p = a.ptr_mut();
                        // SAFETY: as above; the output is the second input.
                        unsafe { binary(op, dims, b.ptr(), &b.strides, p, &old.strides, p, &old.strides) }.unwrap();
                        for i in 0..n {
                            let want = reference(b.get(dims, i), old.get(dims, i));
                            assert_eq!(a.get(dims, i), want, "{isa:?} {op:?} {dims:?} {kind:?} {b_kind:?} {i}");
                        }
                    }
                }
                let old = view(kind, dims, |i| (i % 37) as f32 * 0.1);
                for op in [UnaryOp::Exp, UnaryOp::Neg, UnaryOp::Sin] {
                    let mut a = old.clone();
                    let mut out = view(Contiguous, dims, |_| 0.0);
                    let p = a.ptr_mut();
                    // SAFETY: the views are large enough for their strides.
                    unsafe {
                        unary(op, dims, old.ptr(), &old.strides, out.ptr_mut(), &out.strides).unwrap();
                        unary(op, dims, p, &old.strides, p, &old.strides).unwrap();
                    }
                    for i in 0..n {
                        assert_eq!(a.get(dims, i), out.get(dims, i), "{isa:?} {op:?} {dims:?} {kind:?} {i}");
                    }
                }
            }
        }
    });
}

#[test]
fn copies_between_layouts_and_types() {
    on_every_isa(|isa| {
        for dims in SHAPES {
            let n: usize = dims.iter().product();
            for kind in KINDS {
                for out_kind in [Contiguous, Transposed, EverySecond, Reversed] {
                    let x = view(kind, dims, some);
                    let mut same = view(out_kind, dims, |_| 0.0f32);
                    let mut wider = view(out_kind, dims, |_| 0i64);
                    let mut narrower = view(out_kind, dims, |_| false);
                    // SAFETY: the views are large enough for their strides.
                    unsafe {
                        copy(dims, x.ptr(), &x.strides, same.ptr_mut(), &same.strides);
                        copy(dims, x.ptr(), &x.strides, wider.ptr_mut(), &wider.strides);
                        copy(dims, x.ptr(), &x.strides, narrower.ptr_mut(), &narrower.strides);
                    }
                    for i in 0..n {
                        let want = x.get(dims, i);
                        let got = (same.get(dims, i), wider.get(dims, i), narrower.get(dims, i));
                        assert_eq!(got, (want, want as i64, want != 0.0), "{isa:?} {dims:?} {kind:?} {out_kind:?} {i}");
                    }
                }
            }
        }
    });
}

#[test]
fn where_and_compare_layouts() {
    on_every_isa(|isa| {
        for dims in SHAPES {
            let n: usize = dims.iter().product();
            for (a_kind, c_kind) in KINDS.iter().flat_map(|&a| KINDS.map(|c| (a, c))) {
                let (a, b) = (view(a_kind, dims, some), view(Contiguous, dims, other));
                let condition = view(c_kind, dims, |i| i % 3 == 0);
                let mut out = view(Contiguous, dims, |_| 0.0f32);
                let mut less = view(Transposed, dims, |_| false);
                let (out_ptr, less_ptr) = (out.ptr_mut(), less.ptr_mut());
                // SAFETY: the views are large enough for their strides.
                unsafe {
                    let (a_ptr, b_ptr) = (a.ptr(), b.ptr());
                    where_(
                        dims,
                        condition.ptr(),
                        &condition.strides,
                        a_ptr,
                        &a.strides,
                        b_ptr,
                        &b.strides,
                        out_ptr,
                        &out.strides,
                    );
                    compare(CompareOp::Lt, dims, a_ptr, &a.strides, b_ptr, &b.strides, less_ptr, &less.strides);
                }
                for i in 0..n {
                    let (a, b) = (a.get(dims, i), b.get(dims, i));
                    let want = if condition.get(dims, i) { a } else { b };
                    assert_eq!(out.get(dims, i), want, "{isa:?} {dims:?} {a_kind:?} {c_kind:?} {i}");
                    assert_eq!(less.get(dims, i), a < b, "{isa:?} {dims:?} {a_kind:?} {i}");
                }
            }
        }
    });
}

#[test]
fn fill_writes_its_elements_only() {
    for dims in SHAPES {
        for kind in [Contiguous, Transposed, EverySecond, Reversed] {
            let mut out = view(kind, dims, |_| 1i64);
            // SAFETY: the view is large enough for its strides.
            unsafe { fill(dims, out.ptr_mut(), &out.strides, 5) };
            let n: usize = dims.iter().product();
            assert!((0..n).all(|i| out.get(dims, i) == 5), "{dims:?} {kind:?}");
            assert_eq!(out.data.iter().filter(|&&x| x == 5).count(), n, "{dims:?} {kind:?}");
        }
    }
}

/// The number of threads is global to the process.
static THREADS: Mutex<()> = Mutex::new(());

/// Large enough for several threads, with row lengths that no split aligns with.
#[test]
fn results_do_not_depend_on_threads() {
    let _alone = THREADS.lock();
    let before = threads::num_threads();
    let dims = [1237, 3931];
    let n = dims[0] * dims[1];
    let rows = [dims[1] as isize, 1];
    let columns = [1, dims[0] as isize];
    let a: Vec<f32> = (0..n).map(|i| some(i) * 0.01).collect();
    let b: Vec<f32> = (0..n).map(other).collect();
    on_every_isa(|isa| {
        let run = |threads: usize| {
            threads::set_num_threads(threads);
            let mut results = vec![vec![0.0f32; n]; 5];
            let p: Vec<*mut f32> = results.iter_mut().map(|r| r.as_mut_ptr()).collect();
            // SAFETY: every buffer holds `n` elements.
            unsafe {
                unary(UnaryOp::Tanh, &dims, a.as_ptr(), &rows, p[0], &rows).unwrap();
                binary(BinaryOp::Add, &dims, a.as_ptr(), &rows, b.as_ptr(), &columns, p[1], &rows).unwrap();
                binary(BinaryOp::Mul, &dims, a.as_ptr(), &rows, b.as_ptr(), &[0, 1], p[2], &rows).unwrap();
                copy(&dims, a.as_ptr(), &columns, p[3], &rows);
                copy(&dims, a.as_ptr(), &rows, p[4], &rows);
                unary(UnaryOp::Sin, &dims, p[4], &rows, p[4], &rows).unwrap();
            }
            results
        };
        let one = run(1);
        for (i, j) in [(0, 0), (1, 3930), (77, 1), (1236, 3930), (600, 2000)] {
            let (r, c) = (i * dims[1] + j, j * dims[0] + i);
            assert_eq!(one[1][r], a[r] + b[c]);
            assert_eq!(one[2][r], a[r] * b[j]);
            assert_eq!(one[3][r], a[c]);
        }
        for threads in [2, 3, 7] {
            let many = run(threads);
            for k in 0..5 {
                assert!(one[k] == many[k], "{isa:?}: result {k} with {threads} threads");
            }
        }
    });
    threads::set_num_threads(before);
}
