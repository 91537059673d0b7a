//! Products of matrices.

use super::Cpu;
use crate::Result;
use crate::backend::Product;
use crate::tensor::{DType, Element, Layout, ReadGuard, WriteGuard, unsupported};
use rushlight_kernels::gemm::{Epilogue, GemmElement, Half, HalfOutput, Mat, MatMut, gemm, gemm_batched, gemm_half};
use rushlight_kernels::half::{Bf16, F16};

fn matmul<T: Element + GemmElement>(
    a: &ReadGuard<'_>,
    b: &ReadGuard<'_>,
    bias: Option<&ReadGuard<'_>>,
    out: &WriteGuard<'_>,
) {
    let (la, lb, lc) = (a.layout(), b.layout(), out.layout());
    let at = |l: &Layout, from_end: usize| (l.dims()[l.rank() - from_end], l.strides()[l.rank() - from_end]);
    let ((m, ars), (k, acs), (n, bcs)) = (at(la, 2), at(la, 1), at(lb, 1));
    let a_mat = Mat::new(a.ptr::<T>(), ars, acs);
    let b_mat = Mat::new(b.ptr::<T>(), at(lb, 2).1, bcs);
    let c_mat = MatMut::new(out.ptr::<T>(), at(lc, 2).1, at(lc, 1).1);
    if lc.rank() == 2 {
        let epilogue = Epilogue { bias_col: bias.map(|bias| bias.slice()), ..Epilogue::default() };
        // SAFETY: the matrices are the layouts of the permissions; `out` is fresh memory of its own.
        unsafe { gemm(m, n, k, T::ONE, a_mat, b_mat, T::ZERO, c_mat, &epilogue) }
    } else {
        let step = |l: &Layout| if l.dims()[0] == 1 { 0 } else { l.strides()[0] };
        // SAFETY: as above, for every matrix of the batch.
        unsafe {
            gemm_batched(
                lc.dims()[0],
                m,
                n,
                k,
                T::ONE,
                a_mat,
                step(la),
                b_mat,
                step(lb),
                T::ZERO,
                c_mat,
                lc.strides()[0],
            )
        }
    }
}

/// The same for 16-bit floats: sums in `f32`, rounded once.
fn matmul_half<T: Element + Half + HalfOutput<T>>(
    a: &ReadGuard<'_>,
    b: &ReadGuard<'_>,
    bias: Option<&ReadGuard<'_>>,
    out: &WriteGuard<'_>,
) {
    let (la, lb, lc) = (a.layout(), b.layout(), out.layout());
    let at = |l: &Layout, from_end: usize| (l.dims()[l.rank() - from_end], l.strides()[l.rank() - from_end]);
    let ((m, ars), (k, acs), (n, bcs)) = (at(la, 2), at(la, 1), at(lb, 1));
    let bias: Option<Vec<f32>> = bias.map(|bias| bias.slice::<T>().iter().map(|x| x.widen()).collect());
    let epilogue = Epilogue { bias_col: bias.as_deref(), ..Epilogue::default() };
    let (batch, step) = match lc.rank() {
        2 => (1, [0; 3]),
        _ => (lc.dims()[0], [la, lb, lc].map(|l| if l.dims()[0] == 1 { 0 } else { l.strides()[0] })),
    };
    for i in 0..batch as isize {
        // SAFETY: the matrices are the layouts of the guards; `out` is fresh memory of its own.
        unsafe {
            let a = Mat::new(a.ptr::<T>().offset(i * step[0]), ars, acs);
            let b = Mat::new(b.ptr::<T>().offset(i * step[1]), at(lb, 2).1, bcs);
            let c = MatMut::new(out.ptr::<T>().offset(i * step[2]), at(lc, 2).1, at(lc, 1).1);
            gemm_half(m, n, k, 1.0, a, b, 0.0, c, &epilogue);
        }
    }
}

impl Product for Cpu {
    fn matmul(
        &self,
        a: &ReadGuard<'_>,
        b: &ReadGuard<'_>,
        bias: Option<&ReadGuard<'_>>,
        out: &WriteGuard<'_>,
    ) -> Result<()> {
        match a.dtype() {
            DType::F32 => matmul::<f32>(a, b, bias, out),
            DType::F64 => matmul::<f64>(a, b, bias, out),
            DType::I64 => matmul::<i64>(a, b, bias, out),
            DType::F16 => matmul_half::<F16>(a, b, bias, out),
            DType::Bf16 => matmul_half::<Bf16>(a, b, bias, out),
            other => return Err(unsupported("matmul", other)),
        }
        Ok(())
    }
}
