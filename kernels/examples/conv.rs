//! How fast convolution is, forward and both gradients: `cargo run --release -p rushlight-kernels --example conv`.
//! With an argument: only the shapes whose names contain it.

use rushlight_kernels::conv::{ConvShape, backward_input, backward_weight, forward};
use rushlight_kernels::gemm::Activation;
use rushlight_kernels::threads::set_num_threads;
use std::time::{Duration, Instant};

/// The least time of a call in seconds.
fn least(mut f: impl FnMut()) -> f64 {
    f();
    let start = Instant::now();
    let mut least = Duration::MAX;
    while start.elapsed() < Duration::from_millis(400) {
        let t = Instant::now();
        f();
        least = least.min(t.elapsed());
    }
    least.as_secs_f64()
}

/// `len` times `value`, at a cache line's beginning, as a tensor's memory is.
struct Aligned(Vec<f32>, usize, usize);

impl Aligned {
    fn new(len: usize, value: f32) -> Self {
        let v = vec![value; len + 16];
        let start = v.as_ptr().align_offset(64);
        Self(v, start, len)
    }

    fn get(&mut self) -> &mut [f32] {
        &mut self.0[self.1..self.1 + self.2]
    }
}

fn main() {
    let filter = std::env::args().nth(1).unwrap_or_default();
    let threads: usize = std::env::args().nth(2).map_or(2, |t| t.parse().expect("a number of threads"));
    set_num_threads(threads);
    let same = |n, ci, co, size, k| ConvShape::conv2d(n, ci, co, [size, size], [k, k]).with_padding([k / 2, k / 2]);
    let valid = |n, ci, co, size, k| ConvShape::conv2d(n, ci, co, [size, size], [k, k]);
    let shapes = [
        ("3x3 64@56", same(16, 64, 64, 56, 3)),
        ("3x3 128@28", same(16, 128, 128, 28, 3)),
        ("3x3 256@14", same(16, 256, 256, 14, 3)),
        ("3x3 512@7", same(16, 512, 512, 7, 3)),
        ("lenet 1-32@28", valid(64, 1, 32, 28, 3)),
        ("lenet 32-64@26", valid(64, 32, 64, 26, 3)),
        ("lenet5 1-6@28", same(64, 1, 6, 28, 5)),
        ("lenet5 6-16@14", valid(64, 6, 16, 14, 5)),
        ("resnet 7x7 s2 3-64@224", same(16, 3, 64, 224, 7).with_stride([2, 2])),
        ("resnet 3x3 s2 64-128@56", same(16, 64, 128, 56, 3).with_stride([2, 2])),
        ("resnet 3x3 s2 128-256@28", same(16, 128, 256, 28, 3).with_stride([2, 2])),
        ("resnet 3x3 s2 256-512@14", same(16, 256, 512, 14, 3).with_stride([2, 2])),
        ("resnet 1x1 s2 64-128@56", same(16, 64, 128, 56, 1).with_stride([2, 2])),
        ("resnet 1x1 s2 256-512@14", same(16, 256, 512, 14, 1).with_stride([2, 2])),
        ("lite0 3x3 s2 3-32@224", same(16, 3, 32, 224, 3).with_stride([2, 2])),
        ("lite0 1x1 16-96@112", same(16, 16, 96, 112, 1)),
        ("lite0 1x1 96-24@56", same(16, 96, 24, 56, 1)),
        ("lite0 1x1 24-144@56", same(16, 24, 144, 56, 1)),
        ("lite0 1x1 480-80@14", same(16, 480, 80, 14, 1)),
        ("lite0 1x1 192-1152@7", same(16, 192, 1152, 7, 1)),
        ("lite0 dw 3x3 32@112", same(16, 32, 32, 112, 3).with_groups(32)),
        ("lite0 dw 3x3 s2 96@112", same(16, 96, 96, 112, 3).with_stride([2, 2]).with_groups(96)),
        ("lite0 dw 5x5 s2 144@56", same(16, 144, 144, 56, 5).with_stride([2, 2]).with_groups(144)),
        ("lite0 dw 5x5 480@14", same(16, 480, 480, 14, 5).with_groups(480)),
        ("lite0 dw 5x5 1152@7", same(16, 1152, 1152, 7, 5).with_groups(1152)),
        ("batch1 3x3 64@56", same(1, 64, 64, 56, 3)),
        ("batch1 3x3 512@7", same(1, 512, 512, 7, 3)),
    ];
    println!("{threads} threads; ms (GFLOP/s)      forward          input            weight           all");
    for (name, s) in shapes.into_iter().filter(|(name, _)| name.contains(&filter)) {
        let sizes = [s.input_len(), s.weight_len(), s.output_len()];
        let [mut x, mut w, mut g] = sizes.map(|len| Aligned::new(len, 0.5));
        let [mut gx, mut gw, mut y] = sizes.map(|len| Aligned::new(len, 0.5));
        let (x, w, g, gx, gw, y) = (x.get(), w.get(), g.get(), gx.get(), gw.get(), y.get());
        let flop = 2.0 * (s.output_len() * s.weight_len() / s.out_channels) as f64;
        let times = [
            least(|| forward(&s, x, w, None, Activation::None, y)),
            least(|| backward_input(&s, g, w, gx)),
            least(|| backward_weight(&s, x, g, gw)),
        ];
        print!("{name:26}");
        for time in times {
            print!("{:8.3} ({:5.1}) ", time * 1e3, flop * 1e-9 / time);
        }
        println!("{:8.3}", times.iter().sum::<f64>() * 1e3);
    }
}
