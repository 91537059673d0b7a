//! Memory-bound kernels: `cargo bench -p rushlight-kernels --bench memory_bound -- [FILTER...]`.
//!
//! The bytes are the minimum that a kernel has to read and write.

mod common;

use common::{Buffer, Case, cases};
use divan::Bencher;
use divan::counter::BytesCount;

fn main() {
    common::main();
}

/// Values from -1 to 1 in pseudorandom order.
fn data(n: usize) -> Buffer<f32> {
    Buffer::new(n, |i| ((i * 7919) % 1009) as f32 / 500.0 - 1.0)
}

fn filled<T: Copy>(n: usize, value: T) -> Buffer<T> {
    Buffer::new(n, |_| value)
}

/// Every shape, named by its sizes.
fn shapes<const N: usize>(shapes: impl IntoIterator<Item = [usize; N]>) -> Vec<Case<[usize; N]>> {
    cases(shapes, |shape| format!("{shape:?}"))
}

mod reduce {
    use super::*;
    use rushlight_kernels::reduce::{self, Axes};

    fn lengths() -> Vec<Case<usize>> {
        cases([16, 1 << 10, 1 << 14, 1 << 20, 1 << 24], |n| n.to_string())
    }

    #[divan::bench(args = lengths())]
    fn sum(bencher: Bencher, case: &Case<usize>) {
        let (x, all, mut out) = (data(case.input), Axes::contiguous(&[case.input]), 0.0);
        case.measure(bencher, BytesCount::of_slice(&*x), || {
            // SAFETY: the axes describe `x`, and there is one output.
            unsafe { reduce::sum(x.as_ptr(), &Axes::NONE, &all, &mut out) }
        });
    }

    #[divan::bench(args = lengths())]
    fn max(bencher: Bencher, case: &Case<usize>) {
        let (x, all, mut out) = (data(case.input), Axes::contiguous(&[case.input]), 0.0);
        case.measure(bencher, BytesCount::of_slice(&*x), || {
            // SAFETY: the axes describe `x`, and there is one output.
            unsafe { reduce::max(x.as_ptr(), &Axes::NONE, &all, &mut out) }
        });
    }

    #[divan::bench(args = lengths())]
    fn argmax(bencher: Bencher, case: &Case<usize>) {
        let (x, mut out, mut index) = (data(case.input), 0.0, 0);
        case.measure(bencher, BytesCount::of_slice(&*x), || {
            // SAFETY: `x` holds that many elements, and there is one output of each kind.
            unsafe { reduce::max_with_index(x.as_ptr(), &Axes::NONE, (x.len(), 1), &mut out, &mut index) }
        });
    }

    #[divan::bench(args = lengths())]
    fn var(bencher: Bencher, case: &Case<usize>) {
        let (x, all, mut out) = (data(case.input), Axes::contiguous(&[case.input]), 0.0);
        case.measure(bencher, BytesCount::of_slice(&*x), || {
            // SAFETY: the axes describe `x`, and there is one output; the mean is not requested.
            unsafe { reduce::var(x.as_ptr(), &Axes::NONE, &all, 1.0, &mut out, std::ptr::null_mut()) }
        });
    }

    fn matrices() -> Vec<Case<[usize; 2]>> {
        shapes([[64, 256], [64, 10], [65536, 256], [4096, 4096], [1 << 20, 3]])
    }

    fn axes([rows, columns]: [usize; 2]) -> [Axes; 2] {
        [Axes::new(&[rows], &[columns as isize]), Axes::new(&[columns], &[1])]
    }

    #[divan::bench(args = matrices())]
    fn sum_dim_0(bencher: Bencher, case: &Case<[usize; 2]>) {
        let ([rows, columns], axes) = (case.input, axes(case.input));
        let (x, mut out) = (data(rows * columns), filled(columns, 0.0));
        case.measure(bencher, BytesCount::of_slice(&*x), || {
            // SAFETY: the axes describe `x`, and there is an output for every column.
            unsafe { reduce::sum(x.as_ptr(), &axes[1], &axes[0], out.as_mut_ptr()) }
        });
    }

    #[divan::bench(args = matrices())]
    fn sum_dim_1(bencher: Bencher, case: &Case<[usize; 2]>) {
        let ([rows, columns], axes) = (case.input, axes(case.input));
        let (x, mut out) = (data(rows * columns), filled(rows, 0.0));
        case.measure(bencher, BytesCount::of_slice(&*x), || {
            // SAFETY: the axes describe `x`, and there is an output for every row.
            unsafe { reduce::sum(x.as_ptr(), &axes[0], &axes[1], out.as_mut_ptr()) }
        });
    }

    #[divan::bench(args = matrices())]
    fn argmax_dim_1(bencher: Bencher, case: &Case<[usize; 2]>) {
        let ([rows, columns], axes) = (case.input, axes(case.input));
        let (x, mut indices) = (data(rows * columns), filled(rows, 0i64));
        case.measure(bencher, BytesCount::of_slice(&*x), || {
            let (x, values, indices) = (x.as_ptr(), std::ptr::null_mut(), indices.as_mut_ptr());
            // SAFETY: `x` holds the matrix, and there is an index for every row; the values are not requested.
            unsafe { reduce::max_with_index(x, &axes[0], (columns, 1), values, indices) }
        });
    }

    #[divan::bench(args = shapes([[64, 64, 26, 26]]))]
    fn sum_to_channels(bencher: Bencher, case: &Case<[usize; 4]>) {
        let [n, channels, height, width] = case.input;
        let plane = height * width;
        let kept = Axes::new(&[channels], &[plane as isize]);
        let reduced = Axes::new(&[n, plane], &[(channels * plane) as isize, 1]);
        let (x, mut out) = (data(n * channels * plane), filled(channels, 0.0));
        case.measure(bencher, BytesCount::of_slice(&*x), || {
            // SAFETY: the axes describe `x`, and there is an output for every channel.
            unsafe { reduce::sum(x.as_ptr(), &kept, &reduced, out.as_mut_ptr()) }
        });
    }
}

/// Along the middle of three dimensions.
mod softmax {
    use super::*;
    use rushlight_kernels::softmax;

    type Shape = [usize; 3];
    type Forward = fn(&[f32], &mut [f32], usize, usize, usize);
    type Backward = fn(&[f32], &[f32], &mut [f32], usize, usize, usize);

    fn all() -> Vec<Case<Shape>> {
        shapes([[64, 10, 1], [4096, 4096, 1], [1, 1 << 24, 1], [16, 21, 65536]])
    }

    fn measure_forward(bencher: Bencher, case: &Case<Shape>, forward: Forward) {
        let [outer, n, inner] = case.input;
        let x = data(outer * n * inner);
        let mut y = filled(x.len(), 0.0);
        case.measure(bencher, BytesCount::new(8 * x.len()), || forward(&x, &mut y, outer, n, inner));
    }

    fn measure_backward(bencher: Bencher, case: &Case<Shape>, forward: Forward, backward: Backward) {
        let [outer, n, inner] = case.input;
        let g = data(outer * n * inner);
        let (mut y, mut dx) = (filled(g.len(), 0.0), filled(g.len(), 0.0));
        forward(&g, &mut y, outer, n, inner);
        case.measure(bencher, BytesCount::new(12 * g.len()), || backward(&y, &g, &mut dx, outer, n, inner));
    }

    #[divan::bench(args = all())]
    fn softmax(bencher: Bencher, case: &Case<Shape>) {
        measure_forward(bencher, case, softmax::softmax);
    }

    #[divan::bench(args = all())]
    fn softmax_backward(bencher: Bencher, case: &Case<Shape>) {
        measure_backward(bencher, case, softmax::softmax, softmax::softmax_backward);
    }

    #[divan::bench(args = all())]
    fn log_softmax(bencher: Bencher, case: &Case<Shape>) {
        measure_forward(bencher, case, softmax::log_softmax);
    }

    #[divan::bench(args = all())]
    fn log_softmax_backward(bencher: Bencher, case: &Case<Shape>) {
        measure_backward(bencher, case, softmax::log_softmax, softmax::log_softmax_backward);
    }
}

/// Of a batch and its classes.
mod cross_entropy {
    use super::*;
    use rushlight_kernels::loss::{ClassLoss, RowGrad};

    type Shape = [usize; 2];

    fn all() -> Vec<Case<Shape>> {
        shapes([[64, 10], [64, 1000], [16384, 1000]])
    }

    fn loss([outer, classes]: Shape) -> ClassLoss<&'static [f32]> {
        ClassLoss { outer, classes, inner: 1, weight: None, ignore_index: -100, label_smoothing: 0.0 }
    }

    fn targets([outer, classes]: Shape) -> Buffer<i64> {
        Buffer::new(outer, |i| (i * 7 % classes) as i64)
    }

    #[divan::bench(args = all())]
    fn forward(bencher: Bencher, case: &Case<Shape>) {
        let (loss, targets) = (loss(case.input), targets(case.input));
        let x = data(loss.outer * loss.classes);
        let (mut stats, mut losses) = (filled(loss.outer, [0.0; 2]), filled(loss.outer, 0.0));
        case.measure(bencher, BytesCount::of_slice(&*x), || {
            loss.cross_entropy(&x, &targets, &mut stats, &mut losses).unwrap();
        });
    }

    #[divan::bench(args = all())]
    fn backward(bencher: Bencher, case: &Case<Shape>) {
        let (loss, targets) = (loss(case.input), targets(case.input));
        let x = data(loss.outer * loss.classes);
        let (mut stats, mut losses) = (filled(loss.outer, [0.0; 2]), filled(loss.outer, 0.0));
        loss.cross_entropy(&x, &targets, &mut stats, &mut losses).unwrap();
        let mut dx = filled(x.len(), 0.0);
        case.measure(bencher, BytesCount::new(8 * x.len()), || {
            loss.cross_entropy_backward(&x, &targets, &stats, RowGrad::All(0.01), &mut dx).unwrap();
        });
    }
}

mod pool2d {
    use super::*;
    use rushlight_kernels::pooling::{Divisor, Pool2d};

    fn all() -> Vec<Case<Pool2d>> {
        let new = |planes, size, k, s, p| Pool2d {
            planes,
            input: [size; 2],
            kernel: [k; 2],
            stride: [s; 2],
            padding: [p; 2],
            dilation: [1, 1],
            ceil_mode: false,
        };
        let pools = [new(64 * 32, 26, 2, 2, 0), new(16 * 64, 112, 3, 2, 1), new(16 * 64, 56, 3, 1, 1)];
        cases(pools, |p| {
            let ([h, w], [kh, kw]) = (p.input, p.kernel);
            format!("[{}, {h}, {w}] {kh}x{kw} stride {}", p.planes, p.stride[0])
        })
    }

    fn lengths(pool: &Pool2d) -> [usize; 2] {
        [pool.input, pool.output()].map(|[h, w]| pool.planes * h * w)
    }

    #[divan::bench(args = all())]
    fn max(bencher: Bencher, case: &Case<Pool2d>) {
        let (pool, [inputs, outputs]) = (case.input, lengths(&case.input));
        let (x, mut y, mut indices) = (data(inputs), filled(outputs, 0.0), filled(outputs, 0));
        case.measure(bencher, BytesCount::new(4 * inputs + 12 * outputs), || pool.max(&x, &mut y, &mut indices));
    }

    #[divan::bench(args = all())]
    fn max_backward(bencher: Bencher, case: &Case<Pool2d>) {
        let (pool, [inputs, outputs]) = (case.input, lengths(&case.input));
        let (x, mut g, mut indices) = (data(inputs), filled(outputs, 0.0), filled(outputs, 0));
        pool.max(&x, &mut g, &mut indices);
        let mut dx = filled(inputs, 0.0);
        case.measure(bencher, BytesCount::new(4 * inputs + 12 * outputs), || {
            pool.max_backward(&g, &indices, &mut dx);
        });
    }

    #[divan::bench(args = all())]
    fn avg(bencher: Bencher, case: &Case<Pool2d>) {
        let (pool, [inputs, outputs]) = (case.input, lengths(&case.input));
        let (x, mut y) = (data(inputs), filled(outputs, 0.0));
        let bytes = BytesCount::new(4 * (inputs + outputs));
        case.measure(bencher, bytes, || pool.avg(&x, Divisor::IncludePad, &mut y));
    }

    #[divan::bench(args = all())]
    fn avg_backward(bencher: Bencher, case: &Case<Pool2d>) {
        let (pool, [inputs, outputs]) = (case.input, lengths(&case.input));
        let (g, mut dx) = (data(outputs), filled(inputs, 0.0));
        let bytes = BytesCount::new(4 * (inputs + outputs));
        case.measure(bencher, bytes, || pool.avg_backward(&g, Divisor::IncludePad, &mut dx));
    }
}

/// Of a batch, its channels and their elements.
mod batch_norm {
    use super::*;
    use rushlight_kernels::Activation;
    use rushlight_kernels::norm::BatchNorm;

    type Shape = [usize; 3];

    fn all() -> Vec<Case<Shape>> {
        shapes([[16, 64, 112 * 112], [16, 512, 49], [64, 256, 1]])
    }

    fn norm([n, channels, spatial]: Shape, activation: Activation, ones: &[f32]) -> BatchNorm<&[f32]> {
        BatchNorm { n, channels, spatial, weight: Some(ones), bias: Some(ones), eps: 1e-5, activation }
    }

    fn measure_forward(bencher: Bencher, case: &Case<Shape>, activation: Activation) {
        let [n, channels, spatial] = case.input;
        let [ones, mut mean, mut invstd] = [1.0; 3].map(|one| filled(channels, one));
        let norm = norm(case.input, activation, &ones);
        let x = data(n * channels * spatial);
        let mut y = filled(x.len(), 0.0);
        case.measure(bencher, BytesCount::new(8 * x.len()), || {
            norm.forward(&x, None, &mut y, &mut mean, &mut invstd);
        });
    }

    fn measure_backward(bencher: Bencher, case: &Case<Shape>, activation: Activation) {
        let [n, channels, spatial] = case.input;
        let [ones, mut mean, mut invstd, mut dw, mut db] = [1.0; 5].map(|one| filled(channels, one));
        let norm = norm(case.input, activation, &ones);
        let (x, g) = (data(n * channels * spatial), data(n * channels * spatial));
        let mut dx = filled(x.len(), 0.0);
        norm.forward(&x, None, &mut dx, &mut mean, &mut invstd);
        case.measure(bencher, BytesCount::new(12 * x.len()), || {
            norm.backward(&x, &g, true, (&mean, &invstd), Some(&mut dx), &mut dw, &mut db);
        });
    }

    #[divan::bench(args = all())]
    fn forward(bencher: Bencher, case: &Case<Shape>) {
        measure_forward(bencher, case, Activation::None);
    }

    #[divan::bench(args = all())]
    fn forward_relu(bencher: Bencher, case: &Case<Shape>) {
        measure_forward(bencher, case, Activation::Relu);
    }

    #[divan::bench(args = all())]
    fn eval(bencher: Bencher, case: &Case<Shape>) {
        let [n, channels, spatial] = case.input;
        let [ones, mean] = [1.0, 0.1].map(|value| filled(channels, value));
        let norm = norm(case.input, Activation::None, &ones);
        let x = data(n * channels * spatial);
        let mut y = filled(x.len(), 0.0);
        case.measure(bencher, BytesCount::new(8 * x.len()), || norm.forward_with(&x, &mean, &ones, &mut y));
    }

    #[divan::bench(args = all())]
    fn backward(bencher: Bencher, case: &Case<Shape>) {
        measure_backward(bencher, case, Activation::None);
    }

    #[divan::bench(args = all())]
    fn backward_relu(bencher: Bencher, case: &Case<Shape>) {
        measure_backward(bencher, case, Activation::Relu);
    }
}

/// A step for a given number of parameters: those of a bias, a small layer, a small network and ResNet-18.
mod optim {
    use super::*;
    use rushlight_kernels::optim::{Adam, Sgd, StepRule, step};

    const SGD: Sgd =
        Sgd { lr: 1e-3, momentum: 0.9, dampening: 0.0, weight_decay: 1e-4, nesterov: false, maximize: false };

    const ADAM: Adam =
        Adam { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0, decoupled: false, maximize: false };
    const SGD_STEP: StepRule = StepRule::Sgd { settings: SGD, first: false };

    fn all() -> Vec<Case<usize>> {
        cases([1, 256, 203_530, 11_000_000], |n| n.to_string())
    }

    #[divan::bench(args = all())]
    fn adam(bencher: Bencher, case: &Case<usize>) {
        let (n, g) = (case.input, data(case.input));
        let [mut p, mut m, mut v] = [0.5; 3].map(|half| filled(n, half));
        let rule = StepRule::Adam { settings: ADAM, t: 10.0 };
        case.measure(bencher, BytesCount::new(28 * n), || step(&rule, &mut p, &g, &mut [&mut m, &mut v]));
    }

    #[divan::bench(args = all())]
    fn adam_amsgrad(bencher: Bencher, case: &Case<usize>) {
        let (n, g) = (case.input, data(case.input));
        let [mut p, mut m, mut v, mut largest] = [0.5; 4].map(|half| filled(n, half));
        let rule = StepRule::Adam { settings: ADAM, t: 10.0 };
        case.measure(bencher, BytesCount::new(36 * n), || {
            step(&rule, &mut p, &g, &mut [&mut m, &mut v, &mut largest]);
        });
    }

    #[divan::bench(args = all())]
    fn sgd(bencher: Bencher, case: &Case<usize>) {
        let (g, mut p) = (data(case.input), filled(case.input, 0.5));
        case.measure(bencher, BytesCount::new(12 * case.input), || step(&SGD_STEP, &mut p, &g, &mut []));
    }

    #[divan::bench(args = all())]
    fn sgd_momentum(bencher: Bencher, case: &Case<usize>) {
        let (g, [mut p, mut m]) = (data(case.input), [0.5; 2].map(|half| filled(case.input, half)));
        case.measure(bencher, BytesCount::new(20 * case.input), || {
            step(&SGD_STEP, &mut p, &g, &mut [&mut m]);
        });
    }
}

mod index {
    use super::*;
    use rushlight_kernels::index;

    /// Rows of the table, elements per row, and the number of rows selected.
    type Rows = [usize; 3];

    fn rows() -> Vec<Case<Rows>> {
        cases([[50_000, 256, 8192]], |[rows, width, taken]| format!("{taken} of [{rows}, {width}]"))
    }

    fn which([rows, _, taken]: Rows) -> Buffer<i64> {
        Buffer::new(taken, |i| (i * 7919 % rows) as i64)
    }

    #[divan::bench(args = rows())]
    fn index_select(bencher: Bencher, case: &Case<Rows>) {
        let ([rows, width, taken], which) = (case.input, which(case.input));
        let (x, mut out) = (data(rows * width), filled(taken * width, 0.0));
        case.measure(bencher, BytesCount::new(8 * taken * width), || {
            index::index_select(&x, [1, rows, width], &which, &mut out).unwrap();
        });
    }

    /// Rows of the table, elements per row, and the number of elements gathered from each.
    type Elements = [usize; 3];

    fn elements() -> Vec<Case<Elements>> {
        cases([[4096, 1000, 100]], |[rows, width, taken]| format!("[{rows}, {taken}] of [{rows}, {width}]"))
    }

    fn where_to([rows, width, taken]: Elements) -> Buffer<i64> {
        Buffer::new(rows * taken, |i| (i * 31 % width) as i64)
    }

    #[divan::bench(args = elements())]
    fn gather(bencher: Bencher, case: &Case<Elements>) {
        let ([rows, width, taken], to) = (case.input, where_to(case.input));
        let (x, mut out) = (data(rows * width), filled(rows * taken, 0.0));
        case.measure(bencher, BytesCount::new(16 * out.len()), || {
            index::gather(&x, &[rows, width], 1, &to, &[rows, taken], &mut out).unwrap();
        });
    }

    #[divan::bench(args = elements())]
    fn scatter_add(bencher: Bencher, case: &Case<Elements>) {
        let ([rows, width, taken], to) = (case.input, where_to(case.input));
        let (x, mut sum) = (data(rows * taken), filled(rows * width, 0.0));
        case.measure(bencher, BytesCount::new(16 * x.len()), || {
            index::scatter_add(&mut sum, &[rows, width], 1, &to, &[rows, taken], &x, &[rows, taken]).unwrap();
        });
    }
}
