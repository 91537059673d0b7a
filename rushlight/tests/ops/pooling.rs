//! Maxima and means of windows of images.

use crate::harness::{Args, Row, Sample, real, sample};
use serde_json::{Value, json};

fn of(shape: &[usize], args: Value) -> Sample {
    sample([real(shape)]).args(args)
}

/// Kernel, stride (the kernel unless given) and padding.
fn window(a: &Args) -> ([usize; 2], [usize; 2], [usize; 2]) {
    let kernel = a.sizes("kernel_size", 0);
    let stride = if a.has("stride") { a.sizes("stride", 0) } else { kernel };
    (kernel, stride, a.sizes("padding", 0))
}

/// Whether to round up, whether padding counts, and a divisor.
fn means(a: &Args) -> (bool, bool, Option<usize>) {
    let divisor = a.has("divisor_override").then(|| a.int("divisor_override", 0) as usize);
    (a.flag("ceil_mode", false), a.flag("count_include_pad", true), divisor)
}

fn maxima() -> [Sample; 4] {
    [
        of(&[1, 2, 4, 4], json!({"kernel_size": 2, "stride": [2, 1], "padding": [1, 0]})),
        of(&[2, 2, 5, 6], json!({"kernel_size": [3, 2], "stride": 2, "padding": [1, 1], "ceil_mode": true})),
        of(&[2, 5, 6], json!({"kernel_size": 2, "stride": 1, "dilation": 2})),
        of(&[0, 2, 4, 4], json!({"kernel_size": 2})),
    ]
}

pub fn rows() -> Vec<Row> {
    let wide = || of(&[1, 3, 8, 8], json!({"kernel_size": 9, "stride": 1}));
    vec![
        Row::new(
            "max_pool2d",
            |x, a| {
                let (kernel, stride, padding) = window(a);
                x[0].try_max_pool2d(kernel, stride, padding, a.sizes("dilation", 1), a.flag("ceil_mode", false))
            },
            |x, a| {
                let (kernel, stride, padding) = window(a);
                x[0].max_pool2d(kernel, stride, padding, a.sizes("dilation", 1), a.flag("ceil_mode", false))
            },
        )
        .samples(maxima())
        .refuses(wide(), &["[1, 3, 8, 8]"])
        .refuses(of(&[4, 4], json!({"kernel_size": 2})), &["[4, 4]"]),
        Row::new(
            "max_pool2d_with_indices",
            |x, a| {
                let ((kernel, stride, padding), dilation) = (window(a), a.sizes("dilation", 1));
                x[0].try_max_pool2d_with_indices(kernel, stride, padding, dilation, a.flag("ceil_mode", false))
            },
            |x, a| {
                let ((kernel, stride, padding), dilation) = (window(a), a.sizes("dilation", 1));
                x[0].max_pool2d_with_indices(kernel, stride, padding, dilation, a.flag("ceil_mode", false))
            },
        )
        .says("max_pool2d")
        .samples(maxima())
        .refuses(wide(), &["[1, 3, 8, 8]"]),
        Row::new(
            "avg_pool2d",
            |x, a| {
                let ((kernel, stride, padding), (ceil, count_pad, divisor)) = (window(a), means(a));
                x[0].try_avg_pool2d(kernel, stride, padding, ceil, count_pad, divisor)
            },
            |x, a| {
                let ((kernel, stride, padding), (ceil, count_pad, divisor)) = (window(a), means(a));
                x[0].avg_pool2d(kernel, stride, padding, ceil, count_pad, divisor)
            },
        )
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
            |x, a| x[0].try_adaptive_avg_pool2d(a.sizes("output_size", 0)),
            |x, a| x[0].adaptive_avg_pool2d(a.sizes("output_size", 0)),
        )
        .samples([
            of(&[2, 5, 4], json!({"output_size": [2, 3]})),
            of(&[2, 2, 5, 6], json!({"output_size": [3, 4]})),
            of(&[2, 2, 5, 6], json!({"output_size": [1, 1]})),
            of(&[0, 2, 3, 3], json!({"output_size": [2, 2]})),
        ])
        .refuses(of(&[3, 3], json!({"output_size": [1, 1]})), &["[3, 3]"]),
    ]
}
