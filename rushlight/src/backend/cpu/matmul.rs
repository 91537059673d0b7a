//! Matrix products.

use super::Cpu;
use crate::Result;
use crate::backend::Product;
use crate::tensor::{Element, Layout, ReadGuard, WriteGuard, each_number};
use rushlight_kernels::gemm::{Epilogue, GemmElement, Mat, MatMut, gemm, gemm_batched};

fn matmul<T: Element + GemmElement>(
    a: &ReadGuard<'_>,
    b: &ReadGuard<'_>,
    bias: Option<&ReadGuard<'_>>,
    out: &mut WriteGuard<'_>,
) {
    let (la, lb, lc) = (a.layout(), b.layout(), out.layout());
    let at = |l: &Layout, from_end: usize| (l.dims()[l.rank() - from_end], l.strides()[l.rank() - from_end]);
    let ((m, ars), (k, acs), (n, bcs)) = (at(la, 2), at(la, 1), at(lb, 1));
    let a_mat = Mat::new(a.ptr::<T>(), ars, acs);
    let b_mat = Mat::new(b.ptr::<T>(), at(lb, 2).1, bcs);
    let c_mat = MatMut::new(out.ptr::<T>(), at(lc, 2).1, at(lc, 1).1);
    if lc.rank() == 2 {
        let epilogue = Epilogue { bias_col: bias.map(|bias| bias.slice()), ..Epilogue::default() };
        // SAFETY: the matrices are the layouts of the guards; `out` is newly allocated.
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
                &Epilogue::default(),
            )
        }
    }
}

impl Product for Cpu {
    fn matmul(
        &self,
        a: &ReadGuard<'_>,
        b: &ReadGuard<'_>,
        bias: Option<&ReadGuard<'_>>,
        out: &mut WriteGuard<'_>,
    ) -> Result<()> {
        each_number!("matmul", a.dtype(), T => {
            matmul::<T>(a, b, bias, out);
            Ok(())
        })
    }
}
