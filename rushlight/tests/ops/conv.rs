//! Convolutions and transposed convolutions over one to three dimensions.

use crate::harness::{ABSENT, Args, Layout, Row, Sample, real, sample};
use rushlight::ops::{ConvOptions, ConvTransposeOptions};
use serde_json::{Value, json};

/// Input, weight, bias, options.
fn of(x: &[usize], weight: &[usize], bias: Option<usize>, args: Value) -> Sample {
    sample([real(x), real(weight), bias.map_or(ABSENT, |size| real(&[size]))]).args(args)
}

/// Too many elements to differentiate in every layout.
fn large(x: &[usize], weight: &[usize], bias: Option<usize>, args: Value) -> Sample {
    of(x, weight, bias, args).layouts(&[Layout::Contiguous])
}

fn window<const N: usize>(a: &Args) -> ConvOptions<N> {
    let steps = ConvOptions::new().stride(a.sizes("stride", 1)).padding(a.sizes("padding", 0));
    steps.dilation(a.sizes("dilation", 1)).groups(a.size("groups", 1))
}

fn transposed_window<const N: usize>(a: &Args) -> ConvTransposeOptions<N> {
    let steps = ConvTransposeOptions::new().stride(a.sizes("stride", 1)).padding(a.sizes("padding", 0));
    let steps = steps.output_padding(a.sizes("output_padding", 0)).dilation(a.sizes("dilation", 1));
    steps.groups(a.size("groups", 1))
}

/// A row, given the names of its four forms and the options.
macro_rules! convolution {
    ($options:ident: $name:ident, $try_name:ident, $name_with:ident, $try_name_with:ident) => {
        Row::new(
            stringify!($name),
            |x, a| x[0].$try_name_with(&x[1], x.option(2), $options(a)),
            |x, a| x[0].$name_with(&x[1], x.option(2), $options(a)),
        )
        .defaults(|x, _| x[0].$try_name(&x[1], x.option(2)), |x, _| x[0].$name(&x[1], x.option(2)))
    };
}

pub(crate) fn rows() -> Vec<Row> {
    const SAME: &str = "`same` is computed by the layer; the operation takes integers";
    vec![
        convolution!(window: conv1d, try_conv1d, conv1d_with, try_conv1d_with)
            .samples([
                of(&[2, 2, 5], &[3, 2, 3], Some(3), json!({"stride": 2, "padding": 1})),
                of(&[2, 3, 7], &[2, 3, 3], None, json!({"stride": 2, "padding": 1})),
                of(&[0, 2, 5], &[3, 2, 3], Some(3), json!({})),
                of(&[2, 5], &[3, 2, 2], None, json!({})),
            ])
            .refuses(of(&[1, 2, 5], &[1, 3, 2], None, json!({})), &["[1, 2, 5]", "[1, 3, 2]"]),
        convolution!(window: conv2d, try_conv2d, conv2d_with, try_conv2d_with)
            .samples([
                of(&[2, 2, 4, 3], &[2, 2, 3, 2], Some(2), json!({"padding": [1, 0]})),
                of(&[1, 4, 4, 4], &[2, 2, 2, 2], None, json!({"stride": [2, 1], "padding": 1, "dilation": [1, 2], "groups": 2})),
                of(&[2, 2, 4, 4], &[2, 1, 3, 3], Some(2), json!({"padding": 1, "groups": 2})),
                large(&[2, 4, 6, 5], &[4, 4, 3, 2], Some(4), json!({"stride": 2, "padding": 1})),
                large(&[2, 4, 6, 5], &[4, 2, 3, 2], Some(4), json!({"padding": 1, "dilation": 2, "groups": 2})),
                large(&[2, 4, 6, 5], &[4, 1, 3, 2], Some(4), json!({"stride": 2, "padding": 2, "groups": 4})),
                of(&[0, 2, 4, 4], &[2, 2, 3, 3], None, json!({})),
            ])
            .inexpressible("conv2d/padding_same/f32", SAME)
            .inexpressible("conv2d/padding_same/f64", SAME)
            .inexpressible("error/conv2d/padding_same_stride/f32", SAME)
            .refuses(of(&[1, 3, 8, 8], &[4, 2, 3, 3], None, json!({})), &["[4, 2, 3, 3]", "[1, 3, 8, 8]", "channels"])
            .refuses(of(&[1, 3, 8, 8], &[4, 3, 9, 9], None, json!({})), &["[4, 3, 9, 9]"]),
        convolution!(window: conv3d, try_conv3d, conv3d_with, try_conv3d_with)
            .samples([
                of(&[1, 1, 3, 3, 3], &[1, 1, 2, 2, 2], Some(1), json!({"padding": [0, 1, 0]})),
                of(&[1, 2, 3, 4, 3], &[2, 2, 2, 2, 2], None, json!({"padding": 1})),
            ])
            .refuses(of(&[2, 5, 5], &[1, 2, 2, 2, 2], None, json!({})), &["[2, 5, 5]"]),
        convolution!(transposed_window: conv_transpose1d, try_conv_transpose1d, conv_transpose1d_with, try_conv_transpose1d_with)
            .samples([
                of(&[2, 2, 3], &[2, 2, 2], Some(2), json!({"stride": 2, "padding": 1, "output_padding": 1})),
                of(&[2, 3, 4], &[3, 2, 3], None, json!({"stride": 2, "padding": 1, "output_padding": 1})),
            ])
            .refuses(of(&[1, 2, 5], &[1, 3, 2], None, json!({})), &["[1, 2, 5]", "[1, 3, 2]"]),
        convolution!(transposed_window: conv_transpose2d, try_conv_transpose2d, conv_transpose2d_with, try_conv_transpose2d_with)
            .samples([
                of(
                    &[2, 4, 3, 2],
                    &[4, 1, 2, 2],
                    Some(2),
                    json!({"stride": [2, 1], "padding": [1, 0], "output_padding": [1, 0], "dilation": [1, 2], "groups": 2}),
                ),
                large(&[2, 4, 3, 4], &[4, 4, 3, 2], Some(4), json!({})),
                large(&[2, 4, 3, 4], &[4, 4, 3, 2], Some(4), json!({"stride": 2, "padding": 1, "output_padding": 1})),
                large(
                    &[2, 4, 3, 4],
                    &[4, 1, 3, 2],
                    Some(4),
                    json!({"stride": 2, "padding": 2, "output_padding": 4, "dilation": 5, "groups": 4}),
                ),
            ])
            .refuses(of(&[1, 3, 3, 3], &[4, 2, 3, 3], None, json!({})), &["[1, 3, 3, 3]", "[4, 2, 3, 3]"]),
        convolution!(transposed_window: conv_transpose3d, try_conv_transpose3d, conv_transpose3d_with, try_conv_transpose3d_with)
            .samples([of(&[2, 2, 3, 2], &[2, 2, 2, 2, 2], None, json!({"padding": 1}))])
            .refuses(of(&[2, 5, 5], &[2, 2, 2, 2, 2], None, json!({})), &["[2, 5, 5]"]),
    ]
}
