//! Maximum and average pooling of sequences, images and volumes.

use crate::harness::{Args, Row, Sample, real, sample};
use rushlight::ops::{AvgPoolOptions, MaxPoolOptions};
use serde_json::{Value, json};

fn of(shape: &[usize], args: Value) -> Sample {
    sample([real(shape)]).args(args)
}

fn maximum<const N: usize>(a: &Args) -> MaxPoolOptions<N> {
    let options = MaxPoolOptions::new(a.sizes("kernel_size", 0)).padding(a.sizes("padding", 0));
    let options = options.dilation(a.sizes("dilation", 1)).ceil_mode(a.flag("ceil_mode", false));
    if a.has("stride") { options.stride(a.sizes("stride", 0)) } else { options }
}

fn mean<const N: usize>(a: &Args) -> AvgPoolOptions<N> {
    let options = AvgPoolOptions::new(a.sizes("kernel_size", 0)).padding(a.sizes("padding", 0));
    let options = options.ceil_mode(a.flag("ceil_mode", false)).count_include_pad(a.flag("count_include_pad", true));
    let options = if a.has("stride") { options.stride(a.sizes("stride", 0)) } else { options };
    if a.has("divisor_override") { options.divisor_override(a.size("divisor_override", 0)) } else { options }
}

fn maxima() -> [Sample; 4] {
    [
        of(&[1, 2, 4, 4], json!({"kernel_size": 2, "stride": [2, 1], "padding": [1, 0]})),
        of(&[2, 2, 5, 6], json!({"kernel_size": [3, 2], "stride": 2, "padding": [1, 1], "ceil_mode": true})),
        of(&[2, 5, 6], json!({"kernel_size": 2, "stride": 1, "dilation": 2})),
        of(&[0, 2, 4, 4], json!({"kernel_size": 2})),
    ]
}

/// Windows of sequences or volumes whose golden values are in the fixture of the layers.
fn windows(images: usize) -> [Sample; 3] {
    let sequence = images == 1;
    let shapes: [&[usize]; 3] =
        if sequence { [&[2, 2, 7], &[2, 6], &[0, 2, 4]] } else { [&[1, 2, 3, 4, 5], &[2, 4, 4, 4], &[0, 2, 4, 4, 4]] };
    [
        of(shapes[0], json!({"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": true})),
        of(shapes[1], json!({"kernel_size": 2})),
        of(shapes[2], json!({"kernel_size": 2})),
    ]
}

fn parts(shapes: [&[usize]; 2]) -> [Sample; 2] {
    shapes.map(|shape| of(shape, json!({"output_size": 2})))
}

/// Pooling over one and three dimensions, and adaptive maximum pooling.
fn other_ranks() -> Vec<Row> {
    let flat = || of(&[4], json!({"kernel_size": 2, "output_size": 2}));
    let few = || of(&[4, 4], json!({"kernel_size": 2, "output_size": 2}));
    vec![
        Row::new("max_pool1d", |x, a| x[0].try_max_pool1d(maximum(a)), |x, a| x[0].max_pool1d(maximum(a)))
            .samples(windows(1))
            .refuses(flat(), &["[4]"]),
        Row::new(
            "max_pool1d_with_indices",
            |x, a| x[0].try_max_pool1d_with_indices(maximum(a)),
            |x, a| x[0].max_pool1d_with_indices(maximum(a)),
        )
        .says("max_pool1d")
        .samples(windows(1))
        .refuses(flat(), &["[4]"]),
        Row::new("max_pool3d", |x, a| x[0].try_max_pool3d(maximum(a)), |x, a| x[0].max_pool3d(maximum(a)))
            .samples(windows(3))
            .refuses(few(), &["[4, 4]"]),
        Row::new(
            "max_pool3d_with_indices",
            |x, a| x[0].try_max_pool3d_with_indices(maximum(a)),
            |x, a| x[0].max_pool3d_with_indices(maximum(a)),
        )
        .says("max_pool3d")
        .samples(windows(3))
        .refuses(few(), &["[4, 4]"]),
        Row::new("avg_pool1d", |x, a| x[0].try_avg_pool1d(mean(a)), |x, a| x[0].avg_pool1d(mean(a)))
            .samples(windows(1))
            .refuses(flat(), &["[4]"]),
        Row::new("avg_pool3d", |x, a| x[0].try_avg_pool3d(mean(a)), |x, a| x[0].avg_pool3d(mean(a)))
            .samples(windows(3))
            .refuses(few(), &["[4, 4]"]),
        Row::new(
            "adaptive_avg_pool1d",
            |x, a| x[0].try_adaptive_avg_pool1d(a.sizes::<1>("output_size", 0)),
            |x, a| x[0].adaptive_avg_pool1d(a.sizes::<1>("output_size", 0)),
        )
        .samples(parts([&[2, 2, 5], &[2, 3]]))
        .refuses(flat(), &["[4]"]),
        Row::new(
            "adaptive_avg_pool3d",
            |x, a| x[0].try_adaptive_avg_pool3d(a.sizes::<3>("output_size", 0)),
            |x, a| x[0].adaptive_avg_pool3d(a.sizes::<3>("output_size", 0)),
        )
        .samples(parts([&[1, 2, 3, 4, 5], &[2, 3, 3, 3]]))
        .refuses(few(), &["[4, 4]"]),
        Row::new(
            "adaptive_max_pool1d",
            |x, a| x[0].try_adaptive_max_pool1d(a.sizes::<1>("output_size", 0)),
            |x, a| x[0].adaptive_max_pool1d(a.sizes::<1>("output_size", 0)),
        )
        .samples(parts([&[2, 2, 5], &[2, 3]]))
        .refuses(flat(), &["[4]"]),
        Row::new(
            "adaptive_max_pool2d",
            |x, a| x[0].try_adaptive_max_pool2d(a.sizes::<2>("output_size", 0)),
            |x, a| x[0].adaptive_max_pool2d(a.sizes::<2>("output_size", 0)),
        )
        .samples(parts([&[2, 2, 5, 4], &[2, 3, 3]]))
        .refuses(few(), &["[4, 4]"]),
        Row::new(
            "adaptive_max_pool3d",
            |x, a| x[0].try_adaptive_max_pool3d(a.sizes::<3>("output_size", 0)),
            |x, a| x[0].adaptive_max_pool3d(a.sizes::<3>("output_size", 0)),
        )
        .samples(parts([&[1, 2, 3, 4, 5], &[2, 3, 3, 3]]))
        .refuses(few(), &["[4, 4]"]),
    ]
}

pub(crate) fn rows() -> Vec<Row> {
    let wide = || of(&[1, 3, 8, 8], json!({"kernel_size": 9, "stride": 1}));
    let mut rows = vec![
        Row::new("max_pool2d", |x, a| x[0].try_max_pool2d(maximum(a)), |x, a| x[0].max_pool2d(maximum(a)))
        .samples(maxima())
        .refuses(wide(), &["[1, 3, 8, 8]"])
        .refuses(of(&[4, 4], json!({"kernel_size": 2})), &["[4, 4]"]),
        Row::new("max_pool2d_with_indices", |x, a| x[0].try_max_pool2d_with_indices(maximum(a)), |x, a| x[0].max_pool2d_with_indices(maximum(a)))
        .says("max_pool2d")
        .samples(maxima())
        .refuses(wide(), &["[1, 3, 8, 8]"]),
        Row::new("avg_pool2d", |x, a| x[0].try_avg_pool2d(mean(a)), |x, a| x[0].avg_pool2d(mean(a)))
        .samples([
            of(
                &[1, 2, 4, 5],
                json!({"kernel_size": [2, 3], "stride": [1, 2], "padding": 1, "ceil_mode": true, "count_include_pad": false}),
            ),
            of(
                &[2, 2, 5, 6],
                json!({"kernel_size": [3, 2], "stride": 2, "padding": 1, "ceil_mode": true, "count_include_pad": false}),
            ),
            of(&[2, 5, 6], json!({"kernel_size": 2, "divisor_override": 3})),
            of(&[0, 2, 4, 4], json!({"kernel_size": 2})),
        ])
        .refuses(wide(), &["[1, 3, 8, 8]"]),
        Row::new(
            "adaptive_avg_pool2d",
            |x, a| x[0].try_adaptive_avg_pool2d(a.sizes::<2>("output_size", 0)),
            |x, a| x[0].adaptive_avg_pool2d(a.sizes::<2>("output_size", 0)),
        )
        .samples([
            of(&[2, 5, 4], json!({"output_size": [2, 3]})),
            of(&[2, 2, 5, 6], json!({"output_size": [3, 4]})),
            of(&[2, 2, 5, 6], json!({"output_size": [1, 1]})),
            of(&[0, 2, 3, 3], json!({"output_size": [2, 2]})),
        ])
        .refuses(of(&[3, 3], json!({"output_size": [1, 1]})), &["[3, 3]"]),
    ];
    rows.extend(other_ranks());
    rows
}
