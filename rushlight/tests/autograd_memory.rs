//! Memory over many steps: nothing may leak, and the number of allocations per operation is bounded.

use rushlight::autograd::{GradOptions, grad, grad_with};
use rushlight::nn::{Embedding, Forward, Module};
use rushlight::ops::LeakyReluOptions;
use rushlight::optim::{Adam, Optimizer, SparseAdam};
use rushlight::{BackwardOptions, Tensor, memory, no_grad};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The tests count the allocations of the whole process, so they run one at a time.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Resident memory in bytes, if the system reports it.
fn resident() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(text.split_whitespace().nth(1)?.parse::<usize>().ok()? * 4096)
}

/// Live heap blocks and bytes that `f` leaks.
fn left_behind(f: impl FnOnce()) -> (isize, isize) {
    let region = Region::new(ALLOCATOR);
    f();
    let change = region.change();
    let blocks = change.allocations as isize - change.deallocations as isize;
    (blocks, change.bytes_allocated as isize - change.bytes_deallocated as isize)
}

/// Asserts that fewer than one step in ten leaked a block. (The test harness allocates on its own thread.)
fn assert_flat((blocks, bytes): (isize, isize), steps: isize) {
    assert!(blocks < steps / 10 && bytes < steps * 10, "{steps} steps left {blocks} blocks with {bytes} bytes behind");
}

/// Allocations of one run of `f`, after a warm-up. (The test harness, on its thread, can only increase the count.)
fn allocations<T>(f: impl Fn() -> T) -> usize {
    let count = || {
        let region = Region::new(ALLOCATOR);
        let kept = f();
        let count = region.change().allocations;
        drop(kept);
        count
    };
    (0..20).map(|_| count()).min().unwrap_or(0)
}

struct Net {
    w1: Tensor,
    b1: Tensor,
    w2: Tensor,
    x: Tensor,
    y: Tensor,
}

impl Net {
    fn new() -> Net {
        rushlight::manual_seed(1);
        let leaf = |shape: &[usize]| (Tensor::randn(shape) * 0.1).detach().requires_grad_(true);
        let (w1, b1, w2) = (leaf(&[40, 30]), leaf(&[40]), leaf(&[5, 40]));
        Net { w1, b1, w2, x: Tensor::randn([16, 30]), y: Tensor::randint(5, [16]) }
    }

    fn loss(&self) -> Tensor {
        let hidden = self.x.linear(&self.w1, Some(&self.b1)).relu();
        let hidden = &hidden + &hidden.tanh() * 0.5;
        let rows = hidden.copy();
        rows.narrow(0, 0, 8).mul_(1.01);
        rows.linear(&self.w2, None).cross_entropy(&self.y)
    }

    fn step(&self) -> f32 {
        let loss = self.loss();
        loss.backward();
        no_grad(|| {
            for w in [&self.w1, &self.b1, &self.w2] {
                w.add_scaled_(&w.grad().unwrap(), -0.05);
                w.zero_grad();
            }
        });
        loss.item() as f32
    }
}

#[test]
fn training_does_not_leak() {
    let _turn = alone();
    let net = Net::new();
    let first = net.step();
    (0..200).for_each(|_| _ = net.step());
    let (before, cached) = (resident(), memory::cached_bytes());
    let mut last = f32::NAN;
    let left = left_behind(|| (0..10_000).for_each(|_| last = net.step()));
    assert!(last < first / 2.0, "the loss decreases: {first} {last}");
    assert_flat(left, 10_000);
    assert_eq!(memory::cached_bytes(), cached, "the cache no longer grows");
    if let (Some(before), Some(after)) = (before, resident()) {
        assert!(after <= before + (1 << 20), "resident memory grew from {before} to {after} bytes");
    }
}

#[test]
fn failures_do_not_leak() {
    let _turn = alone();
    let net = Net::new();
    let unhappy = || {
        let loss = net.loss();
        let hook = loss.register_hook(|grad| Some(grad * 2.0));
        hook.remove();
        loss.backward();
        assert!(loss.try_backward().is_err());
        assert!(rushlight::catch(|| &net.w1 + &net.x).is_err());
        let y = net.w1.exp();
        let z = y.sum();
        y.detach().zero_();
        assert!(z.try_backward().is_err());
        let y = net.w1.exp();
        y.retain_grad();
        y.sum().backward();
        [&net.w1, &net.b1, &net.w2].into_iter().for_each(Tensor::zero_grad);
    };
    std::panic::set_hook(Box::new(|_| {}));
    (0..20).for_each(|_| unhappy());
    let left = left_behind(|| (0..300).for_each(|_| unhappy()));
    let _ = std::panic::take_hook();
    assert_flat(left, 300);
}

#[test]
fn recorded_passes_do_not_leak() {
    let _turn = alone();
    let w = Tensor::from([1.0f64, 2.0, 3.0]).requires_grad_(true);
    let step = || {
        let options = BackwardOptions::new().create_graph(true);
        let loss = (w.pow(3) * w.tanh()).sum();
        let first = grad_with(&loss, &w, GradOptions::new().create_graph(true));
        let second = grad(&(&first * &first).sum(), &w);
        assert_eq!(second.shape(), [3]);
        // This creates a reference cycle, as in PyTorch, until the gradient is taken.
        w.pow(3).sum().backward_with(&options);
        w.zero_grad();
    };
    (0..20).for_each(|_| step());
    assert_flat(left_behind(|| (0..1000).for_each(|_| step())), 1000);
}

/// The nodes of a graph and their saved tensors are freed during the pass, not at its end.
#[test]
fn a_backward_pass_frees_nodes_progressively() {
    let _turn = alone();
    memory::empty_cache();
    let elements = 1 << 18;
    let x = Tensor::zeros([elements]).requires_grad_(true);
    let bytes = (elements * 4) as isize;
    let mut y = x.exp();
    let (_, forward) = left_behind(|| {
        for _ in 0..20 {
            y = y.tanh();
        }
    });
    assert!(forward >= 19 * bytes, "each output is saved: {forward}");
    let loss = y.sum();
    drop(y);
    let (_, backward) = left_behind(|| loss.backward());
    // The cache keeps freed memory: few new buffers were needed.
    assert!(backward <= 3 * bytes, "{backward} bytes more");
    assert!(memory::cached_bytes() as isize >= 18 * bytes);
    memory::empty_cache();
}

#[test]
fn operations_cost_few_allocations() {
    let _turn = alone();
    rushlight::set_num_threads(1);
    let (a, b) = (Tensor::ones([4, 4]), Tensor::ones([4, 4]));
    let w = Tensor::ones([4, 4]).requires_grad_(true);
    // Handle and storage; when recorded, also a node.
    assert_eq!(allocations(|| &a + &b), 2);
    assert_eq!(allocations(|| &w + &b), 3);
    assert_eq!(allocations(|| a.relu()), 2);
    assert_eq!(allocations(|| w.relu()), 4); // the node saves the output through a handle without history
    assert_eq!(allocations(|| a.matmul(&b)), 2);
    assert_eq!(allocations(|| a.t()), 1);
    assert_eq!(allocations(|| a.clone()), 0);
}

/// Gradients that are not visible elsewhere are modified in-place.
#[test]
fn derivatives_of_activations_reuse_the_gradient() {
    let _turn = alone();
    let elements = 1 << 18;
    let x = Tensor::zeros([elements]).requires_grad_(true);
    let mut y = x.tanh();
    for _ in 0..5 {
        y = y.sigmoid().relu().tanh().leaky_relu_with(LeakyReluOptions::new().negative_slope(0.1));
    }
    let loss = (&y * &Tensor::ones([elements])).sum();
    drop(y);
    memory::empty_cache();
    // Outputs stay in the graph; otherwise their memory could be reused.
    let options = BackwardOptions::new().retain_graph(true);
    let region = Region::new(ALLOCATOR);
    loss.backward_with(&options);
    let bytes = region.change().bytes_allocated;
    // The gradient of the product, which becomes the leaf's.
    assert!(bytes < elements * 4 * 3 / 2, "{bytes} bytes for gradients of {}", elements * 4);
    memory::empty_cache();
}

/// The bytes that a step on a few rows of a large embedding allocates, the parameter and the state of the optimizer not counted.
fn bytes_of_a_step<O: Optimizer>(sparse: bool, make: impl Fn(&Embedding) -> O) -> usize {
    let layer = Embedding::builder(100_000, 64).sparse(sparse).build();
    let index = Tensor::randint(100_000, 100);
    let mut optimizer = make(&layer);
    let mut step = || {
        optimizer.zero_grad();
        layer.forward(&index).square().mean().backward();
        optimizer.step();
    };
    step();
    layer.weight.zero_grad();
    memory::empty_cache();
    let region = Region::new(ALLOCATOR);
    step();
    region.change().bytes_allocated
}

#[test]
fn sparse_gradients_take_the_memory_of_the_rows_that_are_used() {
    let _turn = alone();
    let sparse = bytes_of_a_step(true, |layer| SparseAdam::new(layer.parameters()));
    let dense = bytes_of_a_step(false, |layer| Adam::new(layer.parameters()));
    println!("{sparse} bytes with sparse gradients, {dense} with dense ones");
    assert!(dense > 100_000 * 64 * 4);
    assert!(sparse * 100 < dense, "{sparse} bytes of {dense}");
    memory::empty_cache();
}
