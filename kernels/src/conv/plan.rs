//! Forward pass and input gradient in one form: sums of shifted rows of a source.

use super::source::{Axis, Layout, Source};
use super::{ConvShape, volume};

/// Output elements that read the same taps.
pub(super) struct Part {
    /// Number of these elements along each axis.
    pub grid: [usize; 3],
    /// Index of each tap within the kernel, and its position in the source for the first element.
    pub taps: Vec<(usize, [usize; 3])>,
    /// Offset of the first element in a channel of the output.
    pub first: usize,
    /// Strides between elements along each axis of the output.
    pub steps: [usize; 3],
}

/// The source layout, and the parts of the output computed from it.
pub(super) struct Plan {
    pub layout: Layout,
    pub parts: Vec<Part>,
    /// Elements per output channel.
    pub output: usize,
}

impl Plan {
    /// Every output element reads all taps.
    pub(super) fn forward(s: &ConvShape) -> Self {
        let grid = s.output();
        let [_, kh, kw] = s.kernel;
        let [dd, dh, dw] = s.dilation;
        let tap = |t: usize| (t, [t / (kh * kw) * dd, t / kw % kh * dh, t % kw * dw]);
        let taps = (0..volume(s.kernel)).map(tap).collect();
        let part = Part { grid, taps, first: 0, steps: steps(grid, [1; 3]) };
        Self { layout: Layout::input(s), parts: vec![part], output: volume(grid) }
    }

    /// Input element `i` receives output element `o` times tap `t` where `o * stride + t * dilation = i + padding`: the
    /// set of taps depends on the residue of `i + padding` modulo the stride.
    pub(super) fn backward_input(s: &ConvShape) -> Self {
        let residues = [0, 1, 2].map(|axis| residues(s, axis));
        let out = s.output();
        // The source begins where the tap that reads furthest ahead begins.
        let all = |axis: usize| residues[axis].iter().flat_map(|r: &Residue| &r.taps).map(|t| t.1);
        let origin = [0, 1, 2].map(|axis| all(axis).min().unwrap_or(0));
        let axes = [0, 1, 2].map(|axis| {
            let count = residues[axis].iter().map(|r| r.count).max().unwrap_or(0);
            let taps = all(axis).map(|t| (t - origin[axis]) as usize);
            Axis::new(out[axis], origin[axis], 1, count, taps.collect::<Vec<_>>().into_iter())
        });
        let layout = Layout { axes, channels: s.out_channels, merged: false };
        let [_, height, width] = s.input;
        let mut parts = Vec::new();
        for d in &residues[0] {
            for h in &residues[1] {
                for w in &residues[2] {
                    let mut taps = Vec::new();
                    for td in &d.taps {
                        for th in &h.taps {
                            for tw in &w.taps {
                                let number = (td.0 * s.kernel[1] + th.0) * s.kernel[2] + tw.0;
                                let place = [td.1 - origin[0], th.1 - origin[1], tw.1 - origin[2]];
                                taps.push((number, place.map(|x| x as usize)));
                            }
                        }
                    }
                    let first = (d.first * height + h.first) * width + w.first;
                    let grid = [d.count, h.count, w.count];
                    parts.push(Part { grid, taps, first, steps: steps(s.input, s.stride) });
                }
            }
        }
        Self { layout, parts, output: volume(s.input) }
    }
}

impl Part {
    /// Offset of every tap from the position of an output element in the source.
    pub(super) fn shifts<T>(&self, layout: &Layout, source: &Source<T>) -> Vec<isize> {
        self.taps.iter().map(|&(_, place)| layout.offset(source, place)).collect()
    }

    /// The shifts for all `channels` of a group, in the order of a weight's row.
    pub(super) fn offsets<T>(&self, channels: usize, layout: &Layout, source: &Source<T>) -> Vec<isize> {
        let shifts = self.shifts(layout, source);
        (0..channels as isize).flat_map(|c| shifts.iter().map(move |t| c * source.channel + t)).collect()
    }
}

/// Strides between positions, taking every `stride`th along each axis.
fn steps([_, h, w]: [usize; 3], stride: [usize; 3]) -> [usize; 3] {
    [stride[0] * h * w, stride[1] * w, stride[2]]
}

/// The input elements of one residue of the stride, along one axis, and the taps that reach them.
struct Residue {
    /// First input element.
    first: usize,
    /// Number of input elements, `stride` apart.
    count: usize,
    /// Taps, and the output element that each multiplies for the first input element.
    taps: Vec<(usize, isize)>,
}

fn residues(s: &ConvShape, axis: usize) -> Vec<Residue> {
    let (stride, padding) = (s.stride[axis], s.padding[axis]);
    let of = |first: usize| {
        let (at, residue) = ((first + padding) / stride, (first + padding) % stride);
        let taps = (0..s.kernel[axis]).filter(|t| t * s.dilation[axis] % stride == residue);
        let output = |t: usize| at as isize - (t * s.dilation[axis] / stride) as isize;
        Residue { first, count: (s.input[axis] - first).div_ceil(stride), taps: taps.map(|t| (t, output(t))).collect() }
    };
    (0..stride.min(s.input[axis])).map(of).collect()
}
