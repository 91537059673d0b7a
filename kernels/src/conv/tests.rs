use super::*;
use crate::convert::testing;
use crate::gemm::{Kerneled, test_noise as noise};
use crate::half::{Bf16, F16};
use crate::isa::{Isa, with_isa};
use crate::threads::{num_threads, set_num_threads};

/// Calls `f(out index, input index, weight index)` for every product of the convolution.
fn products(s: &ConvShape, mut f: impl FnMut(usize, usize, usize)) {
    let out = s.output();
    let (m, channels) = (s.out_group(), s.in_group());
    let flat = |i: [usize; 3], size: [usize; 3]| (i[0] * size[1] + i[1]) * size[2] + i[2];
    let places = |size: [usize; 3]| {
        (0..volume(size)).map(move |i| [i / (size[1] * size[2]), i / size[2] % size[1], i % size[2]])
    };
    for n in 0..s.batch {
        for oc in 0..s.out_channels {
            for o in places(out) {
                for ic in 0..channels {
                    for t in places(s.kernel) {
                        let at = |a: usize| (o[a] * s.stride[a] + t[a] * s.dilation[a]).wrapping_sub(s.padding[a]);
                        let i = [at(0), at(1), at(2)];
                        if (0..3).all(|a| i[a] < s.input[a]) {
                            let x = (n * s.in_channels + oc / m * channels + ic) * volume(s.input) + flat(i, s.input);
                            let w = (oc * channels + ic) * volume(s.kernel) + flat(t, s.kernel);
                            f((n * s.out_channels + oc) * volume(out) + flat(o, out), x, w);
                        }
                    }
                }
            }
        }
    }
}

fn close(what: &str, s: &ConvShape, got: &[f64], want: &[f64], eps: f64) {
    let scale = want.iter().fold(1.0f64, |a, x| a.max(x.abs()));
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert!((got - want).abs() <= scale * eps, "{what} of {s:?}: element {i} is {got}, not {want}");
    }
}

/// All three passes in both types, on every instruction set, against sums in f64.
fn check(s: &ConvShape) {
    let (x, w, g) = (noise(s.input_len(), 1), noise(s.weight_len(), 2), noise(s.output_len(), 3));
    let bias = noise(s.out_channels, 4);
    let positions = volume(s.output()).max(1);
    let mut out: Vec<f64> = (0..s.output_len()).map(|i| bias[i / positions % s.out_channels]).collect();
    let (mut grad_x, mut grad_w) = (vec![0.0; x.len()], vec![0.0; w.len()]);
    products(s, |o, i, t| {
        out[o] += x[i] * w[t];
        grad_x[i] += g[o] * w[t];
        grad_w[t] += g[o] * x[i];
    });
    let relu: Vec<f64> = out.iter().map(|x| x.max(0.0)).collect();
    for isa in Isa::available() {
        with_isa(isa, || {
            let mut y = vec![f64::NAN; out.len()];
            forward(s, &x, &w, Some(&bias), Activation::None, &mut y);
            close("out", s, &y, &out, 1e-13);
            let mut gx = vec![f64::NAN; x.len()];
            backward_input(s, &g, &w, &mut gx);
            close("grad_x", s, &gx, &grad_x, 1e-13);
            let mut gw = vec![f64::NAN; w.len()];
            backward_weight(s, &x, &g, &mut gw);
            close("grad_w", s, &gw, &grad_w, 1e-13);

            let single = |v: &[f64]| v.iter().map(|&x| x as f32).collect::<Vec<f32>>();
            let double = |v: &[f32]| v.iter().map(|&x| x as f64).collect::<Vec<f64>>();
            let (x, w, g, bias) = (single(&x), single(&w), single(&g), single(&bias));
            let run = || {
                let (mut y, mut gx, mut gw) =
                    (vec![f32::NAN; out.len()], vec![f32::NAN; x.len()], vec![f32::NAN; w.len()]);
                forward(s, &x, &w, Some(&bias), Activation::Relu, &mut y);
                backward_input(s, &g, &w, &mut gx);
                backward_weight(s, &x, &g, &mut gw);
                (y, gx, gw)
            };
            let packed = PackedWeight::new(s, &w);
            let mut z = vec![f32::NAN; out.len()];
            forward_packed(s, &x, &packed, Some(&bias), Activation::Relu, &mut z);
            let (y, gx, gw) = run();
            assert!(z == y, "{s:?}: a packed weight computes a different result");
            let bound = if winograd::tile(s).is_some() { 1e-5 } else { 2e-6 };
            close("out", s, &double(&y), &relu, bound);
            close("grad_x", s, &double(&gx), &grad_x, bound);
            close("grad_w", s, &double(&gw), &grad_w, bound);
            let before = num_threads();
            set_num_threads(1);
            assert!(run() == (y, gx, gw), "{s:?}: one thread computes a different result");
            set_num_threads(before);
        });
    }
}

#[test]
fn kernels_strides_paddings_and_dilations_in_two_dimensions() {
    for kernel in [[1, 1], [3, 3], [5, 5], [7, 7], [1, 3], [4, 2]] {
        for stride in [[1, 1], [2, 2], [3, 1]] {
            for padding in [[0, 0], [1, 1], [2, 3], [5, 4]] {
                for dilation in [[1, 1], [2, 3]] {
                    for input in [[9, 11], [14, 7], [20, 33]] {
                        let s = ConvShape::conv2d(2, 3, 5, input, kernel);
                        check(&s.with_stride(stride).with_padding(padding).with_dilation(dilation));
                    }
                }
            }
        }
    }
}

#[test]
fn asymmetric_padding() {
    for (before, behind) in [([0, 0], [1, 1]), ([1, 2], [2, 1]), ([2, 0], [0, 0]), ([0, 1], [4, 3])] {
        for (kernel, stride) in [([1, 1], [1, 1]), ([3, 3], [1, 1]), ([3, 3], [2, 2]), ([5, 5], [2, 3])] {
            for (groups, channels) in [(1, 3), (1, 18), (2, 6), (9, 9)] {
                let s = ConvShape::conv2d(2, channels, channels, [14, 17], kernel).with_groups(groups);
                check(&s.with_stride(stride).with_padding_of(before, behind));
            }
        }
    }
}

#[test]
fn groups_and_depthwise() {
    for (groups, channels, out) in [(2, 4, 6), (3, 9, 3), (8, 8, 8), (5, 5, 10), (20, 20, 20)] {
        for (kernel, stride, padding) in [([3, 3], [1, 1], [1, 1]), ([5, 5], [2, 2], [2, 2]), ([1, 1], [1, 1], [0, 0])]
        {
            let s = ConvShape::conv2d(2, channels, out, [13, 10], kernel);
            check(&s.with_stride(stride).with_padding(padding).with_groups(groups));
        }
    }
}

#[test]
fn one_and_three_dimensions() {
    let s = ConvShape::conv2d(2, 3, 4, [1, 50], [1, 4]);
    check(&s.with_stride([1, 2]).with_padding([0, 3]));
    for stride in [[1, 1, 1], [2, 1, 3], [3, 2, 2]] {
        for dilation in [[1, 1, 1], [2, 1, 2]] {
            let padding = [1, 0, 2];
            let s =
                ConvShape { input: [7, 8, 9], kernel: [3, 2, 3], stride, padding, padding_end: padding, dilation, ..s };
            check(&s);
            check(&ConvShape { padding_end: [0, 3, 1], ..s });
            check(&ConvShape { kernel: [2, 1, 1], padding: [0; 3], padding_end: [0; 3], ..s });
        }
    }
}

#[test]
fn larger_than_a_block() {
    check(&ConvShape::conv2d(3, 20, 50, [30, 28], [3, 3]).with_padding([1, 1]));
    check(&ConvShape::conv2d(5, 40, 30, [7, 7], [1, 1]));
    check(&ConvShape::conv2d(5, 40, 30, [14, 14], [1, 1]).with_stride([2, 2]));
    check(&ConvShape::conv2d(1, 3, 20, [60, 61], [7, 7]).with_stride([2, 2]).with_padding([3, 3]));
    check(&ConvShape::conv2d(2, 130, 70, [9, 9], [3, 3]).with_padding([1, 1]));
}

#[test]
fn empty_outputs_and_empty_sums() {
    let s = ConvShape::conv2d(2, 3, 4, [2, 2], [3, 3]);
    assert_eq!(s.output(), [1, 0, 0]);
    check(&s);
    check(&ConvShape { batch: 0, ..s.with_padding([1, 1]) });
    check(&ConvShape { in_channels: 0, ..s.with_padding([1, 1]) });
    check(&ConvShape { input: [1, 0, 0], ..s.with_padding([2, 2]) });
}

#[test]
#[should_panic(expected = "the weight of")]
fn a_slice_of_the_wrong_length_is_refused() {
    let s = ConvShape::conv2d(1, 1, 1, [3, 3], [2, 2]);
    forward(&s, &[0f32; 9], &[0.0; 3], None, Activation::None, &mut [0.0; 4]);
}

/// Largest error relative to the largest element of `want`.
fn error(got: &[f32], want: &[f64]) -> f64 {
    let scale = want.iter().fold(0.0f64, |a, x| a.max(x.abs()));
    got.iter().zip(want).fold(0.0f64, |a, (&got, want)| a.max((got as f64 - want).abs())) / scale
}

#[test]
fn winograd_is_within_its_bound() {
    let same = |n, ci, co, size| ConvShape::conv2d(n, ci, co, size, [3, 3]).with_padding([1, 1]);
    let valid = ConvShape::conv2d(2, 18, 35, [13, 10], [3, 3]);
    let shapes = [
        same(2, 64, 48, [28, 28]),
        same(3, 512, 40, [7, 7]),
        same(1, 40, 512, [7, 9]),
        same(1, 17, 70, [56, 5]),
        valid,
        valid.with_padding([2, 2]),
        valid.with_padding([0, 1]),
        valid.with_padding_of([0, 2], [1, 0]),
        same(1, 1, 1, [1, 1]),
        // Tiles that extend past narrow outputs; rows that fill blocks of a transposition only together.
        same(1, 17, 20, [6, 3]),
        same(2, 20, 17, [5, 2]),
        ConvShape::conv2d(2, 18, 36, [26, 26], [3, 3]),
    ];
    for s in &shapes {
        let (x, w, g) = (noise(s.input_len(), 1), noise(s.weight_len(), 2), noise(s.output_len(), 3));
        let bias = noise(s.out_channels, 4);
        // The reference: the direct algorithm in f64, which has its own test.
        let (mut y, mut gx, mut gw) = (vec![0.0; g.len()], vec![0.0; x.len()], vec![0.0; w.len()]);
        forward(s, &x, &w, Some(&bias), Activation::Relu, &mut y);
        backward_input(s, &g, &w, &mut gx);
        backward_weight(s, &x, &g, &mut gw);
        let single = |v: &[f64]| v.iter().map(|&x| x as f32).collect::<Vec<f32>>();
        let (x, w, g, bias) = (single(&x), single(&w), single(&g), single(&bias));
        for isa in Isa::available() {
            let kernels = f32::kernels(isa);
            for m in [2, 4] {
                let run = || {
                    let (mut y, mut gx, mut gw) =
                        (vec![f32::NAN; y.len()], vec![f32::NAN; x.len()], vec![f32::NAN; w.len()]);
                    winograd::forward(
                        s,
                        m,
                        kernels,
                        &x,
                        Weight::Plain(&w),
                        Some(&bias),
                        Activation::Relu.limits(),
                        &mut y,
                    );
                    winograd::backward_input(s, m, kernels, &g, &w, &mut gx);
                    winograd::backward_weight(s, m, kernels, &x, &g, &mut gw);
                    (y, gx, gw)
                };
                let got = run();
                for (what, error) in
                    [("out", error(&got.0, &y)), ("grad_x", error(&got.1, &gx)), ("grad_w", error(&got.2, &gw))]
                {
                    println!("{isa:?} F({m},3) {what} {:?}: {error:.1e}", (s.in_channels, s.out_channels));
                    assert!(error < 1e-5, "{isa:?} F({m},3): {what} of {s:?} is off by {error:e}");
                }
                let before = num_threads();
                set_num_threads(1);
                assert!(run() == got, "{s:?}: one thread computes a different result");
                set_num_threads(before);
            }
        }
    }
}

/// 16-bit types compute the `f32` result, rounded once.
fn rounded_once<T: ConvElement + testing::Half>(s: &ConvShape) {
    let (x, w) = (testing::noise::<T>(s.input_len(), 2.0), testing::noise::<T>(s.weight_len(), 1.0));
    let (g, bias) = (testing::noise::<T>(s.output_len(), 1.0), testing::noise::<T>(s.out_channels, 1.0));
    let [wide_x, wide_w, wide_g, wide_bias] = [&x, &w, &g, &bias].map(|x| testing::widened(x));
    testing::everywhere(|| {
        let new = |len: usize| (vec![T::default(); len], vec![9.0; len]);
        let ((mut y, mut want), relu) = (new(g.len()), Activation::Relu);
        forward(s, &x, &w, Some(&bias), relu, &mut y);
        forward(s, &wide_x, &wide_w, Some(&wide_bias), relu, &mut want);
        testing::check("out", &y, &want);
        y.fill(T::default());
        forward_packed(s, &x, &PackedWeight::new(s, &w), Some(&bias), relu, &mut y);
        testing::check("out of a packed weight", &y, &want);
        let (mut dx, mut want) = new(x.len());
        backward_input(s, &g, &w, &mut dx);
        backward_input(s, &wide_g, &wide_w, &mut want);
        testing::check("grad_x", &dx, &want);
        let (mut dw, mut want) = new(w.len());
        backward_weight(s, &x, &g, &mut dw);
        backward_weight(s, &wide_x, &wide_g, &mut want);
        testing::check("grad_w", &dw, &want);
    });
}

#[test]
fn halves_are_rounded_once() {
    let shapes = [
        ConvShape::conv2d(2, 3, 8, [17, 19], [3, 3]).with_padding([1, 1]).with_stride([2, 2]),
        ConvShape::conv2d(2, 64, 64, [28, 28], [3, 3]).with_padding([1, 1]),
        ConvShape::conv2d(3, 16, 16, [15, 14], [3, 3]).with_padding([1, 1]).with_groups(16),
        ConvShape::conv2d(1, 40, 24, [9, 9], [1, 1]),
    ];
    for s in shapes {
        rounded_once::<F16>(&s);
        rounded_once::<Bf16>(&s);
    }
}
