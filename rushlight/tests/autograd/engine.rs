//! The engine: what a backward pass computes, what it rejects, modes, in-place operations, and depth.

use rushlight::autograd::{GradOptions, grad, grad_allow_unused, grad_with, try_grad, try_grad_with};
use rushlight::ops::SliceOptions;
use rushlight::{BackwardOptions, EnableGrad, Error, NoGrad, Tensor, enable_grad, is_grad_enabled, no_grad};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

fn leaf(values: &[f32]) -> Tensor {
    Tensor::from_slice(values, [values.len()]).requires_grad_(true)
}

fn values(t: impl std::borrow::Borrow<Tensor>) -> Vec<f32> {
    t.borrow().to_vec::<f32>()
}

fn grad_of(t: &Tensor) -> Vec<f32> {
    t.grad().expect("a gradient").to_vec::<f32>()
}

fn create() -> BackwardOptions {
    BackwardOptions::new().create_graph(true)
}

fn create_grad() -> GradOptions {
    GradOptions::new().create_graph(true)
}

fn retain_grad() -> GradOptions {
    GradOptions::new().retain_graph(true)
}

fn retain() -> BackwardOptions {
    BackwardOptions::new().retain_graph(true)
}

fn refused<T>(result: rushlight::Result<T>, parts: &[&str]) {
    let Err(error) = result else { panic!("no error, though one with {parts:?} was expected") };
    let text = error.to_string();
    assert!(matches!(error, Error::Autograd { .. }), "{error:?}");
    for part in parts {
        assert!(text.contains(part), "`{text}` does not contain `{part}`");
    }
}

mod accumulation {
    use super::*;

    #[test]
    fn gradients_accumulate_until_taken() {
        let x = leaf(&[1.0, 2.0]);
        for n in 1..=3 {
            (&x * 3.0).sum().backward();
            assert_eq!(grad_of(&x), [3.0 * n as f32; 2]);
        }
        x.zero_grad();
        assert!(x.grad().is_none());
        x.set_grad(Some(Tensor::from([10.0f32, 20.0])));
        x.sum().backward();
        assert_eq!(grad_of(&x), [11.0, 21.0]);
    }

    #[test]
    fn a_leaf_used_several_times_accumulates_every_contribution() {
        let x = leaf(&[2.0]);
        let y = &x * &x * &x + &x * 5.0 - 1.0 / &x;
        y.sum().backward();
        assert_eq!(grad_of(&x), [3.0 * 4.0 + 5.0 + 0.25]);
    }

    #[test]
    fn a_leaf_is_its_own_root() {
        let x = Tensor::from(3.0f32).requires_grad_(true);
        x.backward();
        assert_eq!(x.grad().unwrap().item_as::<f32>(), 1.0);
        assert_eq!(grad(&x, &x).item_as::<f32>(), 1.0);
    }

    /// The gradients of a sum are one tensor that flows to both leaves; each leaf must own its copy.
    #[test]
    fn leaves_do_not_share_their_gradients() {
        for options in [BackwardOptions::default(), create()] {
            let (a, b) = (leaf(&[1.0, 2.0]), leaf(&[3.0, 4.0]));
            let start = Tensor::from([1.0f32, 1.0]);
            (&a + &b).backward_with(options.gradient(&start));
            no_grad(|| a.grad().unwrap().zero_());
            assert_eq!((grad_of(&b), values(start)), (vec![1.0; 2], vec![1.0; 2]));
        }
    }

    #[test]
    fn later_passes_accumulate_in_place_into_a_borrowed_gradient() {
        let x = leaf(&[1.0]);
        x.sum().backward();
        let taken = x.grad().unwrap();
        x.sum().backward();
        assert_eq!(values(taken), [2.0]);
    }

    #[test]
    fn freezing_keeps_the_gradient() {
        let x = leaf(&[1.0, 2.0]);
        x.sum().backward();
        x.requires_grad_(false);
        assert!(!x.requires_grad() && x.is_leaf());
        assert_eq!(grad_of(&x), [1.0, 1.0]);
        x.requires_grad_(true);
        assert_eq!(grad_of(&x), [1.0, 1.0]);
    }

    #[test]
    fn broadcast_inputs_get_gradients_of_their_own_shape() {
        let (a, b, c) = (Tensor::ones([2, 1, 3]), Tensor::ones([4, 1]), Tensor::from(2.0f32));
        let all = [&a, &b, &c].map(|t| t.requires_grad_(true));
        (&all[0] * &all[1] * &all[2]).sum().backward();
        for (t, each) in all.iter().zip([8.0, 12.0, 24.0]) {
            let grad = t.grad().unwrap();
            assert_eq!(grad.shape(), t.shape());
            assert!(grad.to_vec::<f32>().iter().all(|&g| g == each), "{grad}");
        }
    }

    #[test]
    fn gradients_have_the_type_of_their_leaf() {
        let (a, b) = (leaf(&[1.0, 2.0]), Tensor::from([3.0f64, 4.0]).requires_grad_(true));
        (&a * &b).sum().backward();
        assert_eq!(grad_of(&a), [3.0, 4.0]);
        assert_eq!(b.grad().unwrap().to_vec::<f64>(), [1.0, 2.0]);
    }
}

mod the_graph {
    use super::*;

    #[test]
    fn a_second_pass_requires_a_retained_graph() {
        let x = leaf(&[3.0]);
        let y = (&x * &x).sum();
        y.backward_with(retain());
        y.backward();
        assert_eq!(grad_of(&x), [12.0]);
        refused(y.try_backward(), &["second time", "MulBackward0", "retain_graph"]);
        assert_eq!(grad_of(&x), [12.0], "a rejected pass does not modify the gradient");
    }

    #[test]
    fn graphs_without_saved_tensors_can_be_traversed_again() {
        let x = leaf(&[3.0]);
        let y = (&x + 1.0).sum();
        y.backward();
        y.backward();
        assert_eq!(grad_of(&x), [2.0]);
    }

    #[test]
    fn only_a_scalar_has_an_implicit_gradient() {
        let y = leaf(&[1.0, 2.0]) * 2.0;
        refused(y.try_backward(), &["only for a scalar", "[2]"]);
        let wrong = BackwardOptions::new().gradient(Tensor::ones([3]));
        refused(y.try_backward_with(&wrong), &["[3]", "[2]"]);
        refused(Tensor::from(1.0f32).try_backward(), &["does not require a gradient"]);
        refused(no_grad(|| Tensor::from(1.0f32).try_backward()), &["recording is off"]);
    }

    #[test]
    fn gradients_of_given_inputs() {
        let (x, w, unused) = (leaf(&[2.0]), leaf(&[5.0]), leaf(&[0.0]));
        let middle = &x * 3.0;
        let y = (&middle * &w).sum();
        let grads = grad_with(&y, [&middle, &x, &w, &y], retain_grad());
        assert_eq!(grads.map(|grad| grad.sum().item()), [5.0, 15.0, 6.0, 1.0]);
        assert!([&x, &w].iter().all(|t| t.grad().is_none()), "no leaf accumulates");
        refused(try_grad_with(&y, [&unused], retain_grad()), &["input 0", "do not depend", "allow_unused"]);
        let grads = grad_allow_unused(&y, [&unused, &x], retain_grad());
        assert!(grads[0].is_none() && grads[1].is_some());
        let zeros = grad_with(&y, [&unused, &x], retain_grad().materialize_grads(true));
        assert_eq!(zeros.map(|grad| grad.item()), [0.0, 15.0]);
        refused(try_grad(&y, [&Tensor::ones([1])]), &["input 0", "require gradients"]);
    }

    #[test]
    fn gradients_of_several_outputs_accumulate() {
        let x = leaf(&[2.0]);
        let (a, b) = ((&x * 3.0).sum(), (&x * &x).sum());
        assert_eq!(values(grad([&a, &b], &x)), [7.0]);
    }

    #[test]
    fn every_output_starts_from_its_own_gradient() {
        let x = leaf(&[1.0, 2.0, 3.0]);
        let (y, z) = (&x * 2.0, x.sum());
        let run = |given: &[Option<&Tensor>]| {
            let given: Vec<_> = given.iter().map(|grad| grad.cloned()).collect();
            try_grad_with([&y, &z], &x, retain_grad().grad_outputs(given))
        };
        let (of_y, of_z) = (Tensor::from([1.0f32, 10.0, 100.0]), Tensor::from(-1.0f32));
        let first = |grad: rushlight::Result<Tensor>| values(grad.unwrap());
        assert_eq!(first(run(&[Some(&of_y), None])), [3.0, 21.0, 201.0]);
        assert_eq!(first(run(&[Some(&of_y), Some(&of_z)])), [1.0, 19.0, 199.0]);
        refused(run(&[]), &["output 0", "only for a scalar", "[3]"]);
        refused(run(&[Some(&of_y), Some(&of_y)]), &["output 1", "[3]", "[]"]);
        let text = |result: rushlight::Result<_>| match result {
            Err(error @ Error::Value { .. }) => error.to_string(),
            other => panic!("{other:?}"),
        };
        assert_eq!(text(run(&[Some(&of_y)])), "grad: expected as many grad_outputs as outputs (2), got 1");
        let no_inputs: Vec<&Tensor> = Vec::new();
        let empty = try_grad_with(&z, no_inputs, retain_grad()).unwrap_err().to_string();
        assert_eq!(empty, "grad: expected at least one input, got none");
        let no_outputs: Vec<&Tensor> = Vec::new();
        assert!(grad_allow_unused(no_outputs, &x, retain_grad()).is_none());
        // A gradient with a history of its own.
        let scale = leaf(&[2.0, 2.0, 2.0]);
        let found = grad_with(&y, &x, create_grad().grad_outputs(&scale));
        found.sum().backward();
        assert_eq!(grad_of(&scale), [2.0, 2.0, 2.0]);
    }

    #[test]
    fn a_gradient_that_is_set_must_match() {
        let x = leaf(&[1.0, 2.0, 3.0]);
        let text = |grad: Tensor| x.try_set_grad(Some(grad)).unwrap_err().to_string();
        assert_eq!(text(Tensor::zeros([4])), "set_grad: expected a gradient of the tensor's shape [3], got [4]");
        assert!(text(Tensor::zeros([3, 1])).contains("[3, 1]"));
        assert!(text(Tensor::from([1, 2, 3])).contains("dtype float32, got int64"));
        assert!(text(Tensor::from([1.0f64, 2.0, 3.0])).contains("dtype float32, got float64"));
        assert!(text(x.clone()).contains("other than the tensor itself"));
        assert!(x.grad().is_none(), "nothing was set");
        x.set_grad(Some(Tensor::ones([3])));
        assert_eq!(grad_of(&x), [1.0; 3]);
        x.set_grad(None);
        assert!(x.grad().is_none());
        // Also on a tensor that does not require a gradient.
        let plain = Tensor::zeros([2]);
        assert!(plain.try_set_grad(Some(Tensor::zeros([3]))).is_err());
        plain.set_grad(Some(Tensor::ones([2])));
        assert_eq!(grad_of(&plain), [1.0; 2]);
    }

    #[test]
    fn unneeded_nodes_are_not_visited() {
        let (x, w) = (leaf(&[2.0]), leaf(&[5.0]));
        let visits = Arc::new(AtomicUsize::new(0));
        let count = visits.clone();
        w.register_hook(move |_| {
            count.fetch_add(1, Relaxed);
            None
        });
        let side = &w * 2.0;
        let count = visits.clone();
        side.register_hook(move |_| {
            count.fetch_add(1, Relaxed);
            None
        });
        grad(&(&x * &side).sum(), &x);
        assert_eq!(visits.load(Relaxed), 0);
    }

    #[test]
    fn derivatives_of_any_order() {
        let x = Tensor::from(2.0f64).requires_grad_(true);
        let mut y = x.pow(5);
        for expected in [80.0, 160.0, 240.0, 240.0, 120.0] {
            y = grad_with(&y, &x, create_grad());
            assert!((y.item() - expected).abs() < 1e-9, "{y}");
        }
    }

    #[test]
    fn gradients_of_a_pass_that_was_recorded_can_be_differentiated() {
        let x = leaf(&[3.0]);
        let loss = x.pow(3).sum();
        loss.backward_with(create());
        let first = x.grad().unwrap();
        assert!(first.requires_grad());
        x.zero_grad();
        first.sum().backward();
        assert_eq!(grad_of(&x), [18.0]);
    }

    #[test]
    fn a_recorded_pass_records_whatever_the_mode_of_its_caller() {
        let x = Tensor::from(2.0f64).requires_grad_(true);
        let y = x.pow(3);
        let first = no_grad(|| grad_with(&y, &x, create_grad()));
        assert!(first.requires_grad());
        assert_eq!(grad(&first, &x).item(), 12.0);
    }

    #[test]
    fn the_gradient_penalty_reaches_the_weights() {
        let x = Tensor::from([[0.5f64, -1.0]]).requires_grad_(true);
        let w = Tensor::from([[1.0f64], [2.0]]).requires_grad_(true);
        let out = x.matmul(&w).tanh().sum();
        let g = grad_with(&out, &x, create_grad());
        (g.norm_squared() - 1.0).pow(2).backward();
        // d/dw of (s² |w|² - 1)² with s = 1 - tanh²(x·w)
        let (z, n) = ((0.5f64 - 2.0).tanh(), 5.0);
        let s = 1.0 - z * z;
        let outer = 2.0 * (s * s * n - 1.0);
        let by = |x: f64, w: f64| outer * (2.0 * s * s * w + n * 2.0 * s * (-2.0 * z * s * x));
        let found = w.grad().unwrap().to_vec::<f64>();
        for (found, expected) in found.iter().zip([by(0.5, 1.0), by(-1.0, 2.0)]) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    trait NormSquared {
        fn norm_squared(&self) -> Tensor;
    }

    impl NormSquared for Tensor {
        fn norm_squared(&self) -> Tensor {
            (self * self).sum()
        }
    }

    #[test]
    fn names_of_nodes() {
        let x = leaf(&[1.0]);
        assert_eq!((x.grad_fn().map(|node| node.name()), x.is_leaf()), (None, true));
        let y = &x * 2.0;
        assert_eq!((y.grad_fn().map(|node| node.name()), y.is_leaf()), (Some("MulBackward0"), false));
        assert_eq!((y.detach().grad_fn().map(|node| node.name()), y.detach().is_leaf()), (None, true));
        refused(y.try_requires_grad_(false), &["only a leaf", "detach"]);
        assert!(matches!(Tensor::from([1, 2]).try_requires_grad_(true), Err(Error::DType { .. })));
    }
}

mod modes {
    use super::*;

    #[test]
    fn guards_nest_and_end_with_their_scope() {
        assert!(is_grad_enabled());
        let x = leaf(&[1.0]);
        {
            let _off = NoGrad::new();
            assert!(!(&x * 2.0).requires_grad());
            {
                let _on = EnableGrad::new();
                assert!((&x * 2.0).requires_grad());
            }
            assert!(!is_grad_enabled());
            assert!(enable_grad(|| (&x * 2.0).requires_grad()));
        }
        assert!(is_grad_enabled());
        let panicked = std::panic::catch_unwind(|| no_grad(|| -> () { std::panic::resume_unwind(Box::new(1)) }));
        assert!(panicked.is_err() && is_grad_enabled(), "a panic also restores the mode");
    }

    #[test]
    fn the_mode_is_the_threads_own() {
        let _off = NoGrad::new();
        assert!(std::thread::spawn(is_grad_enabled).join().unwrap());
    }

    #[test]
    fn leaves_made_without_recording_can_still_require_gradients() {
        let x = no_grad(|| leaf(&[1.0]));
        assert!(x.requires_grad());
        (&x * 2.0).sum().backward();
        assert_eq!(grad_of(&x), [2.0]);
    }
}

mod in_place {
    use super::*;

    #[test]
    fn a_saved_tensor_that_was_changed_is_reported() {
        let x = leaf(&[1.0, 2.0]);
        let y = x.exp();
        let z = (&y * 2.0).sum();
        y.add_(1.0);
        refused(z.try_backward(), &["ExpBackward0", "changed in-place", "[2]", "version 1", "expected version 0"]);
        let w = Tensor::from([1.0f32, 2.0]);
        let z = (&x * &w).sum();
        w.select(0, 0).fill_(5.0);
        refused(z.try_backward(), &["MulBackward0", "changed in-place"]);
        let y = x.exp();
        y.detach().zero_();
        refused(y.sum().try_backward(), &["changed in-place"]);
        // Nothing that was modified is needed.
        let y = &x + 1.0;
        y.mul_(2.0);
        y.sum().backward();
        assert_eq!(grad_of(&x), [2.0, 2.0]);
    }

    #[test]
    fn leaves_and_their_views_are_refused_while_recording() {
        let x = leaf(&[1.0, 2.0]);
        refused(x.try_add_(1.0), &["add_", "leaf", "[2]", "no_grad"]);
        refused(x.select(0, 0).try_zero_(), &["fill_", "a view of a leaf"]);
        refused(x.try_normal_(0.0, 1.0), &["leaf"]);
        assert_eq!(values(&x), [1.0, 2.0], "a rejected operation modifies nothing");
        no_grad(|| x.add_(1.0));
        assert_eq!((values(&x), x.is_leaf(), x.requires_grad()), (vec![2.0, 3.0], true, true));
        (&x * &x).sum().backward();
        assert_eq!(grad_of(&x), [4.0, 6.0]);
    }

    #[test]
    fn a_view_taken_without_recording_cannot_be_changed_while_recording() {
        let x = leaf(&[2.0, 3.0]);
        let y = &x * 1.0;
        let view = no_grad(|| y.select(0, 0));
        refused(view.try_mul_(2.0), &["mul_", "view", "no_grad"]);
        no_grad(|| view.mul_(2.0));
        assert_eq!(values(&y), [4.0, 3.0]);
    }

    #[test]
    fn changes_are_visible_in_base_and_views() {
        let x = leaf(&[1.0, 2.0, 3.0, 4.0]);
        let base = &x * 1.0;
        let (rows, first) = (base.view([2, 2]), base.select(0, 0));
        rows.select(0, 1).mul_(10.0);
        assert_eq!(values(&base), [1.0, 2.0, 30.0, 40.0]);
        assert_eq!(base.grad_fn().map(|node| node.name()), Some("CopySlices"));
        base.mul_(2.0);
        let weights = Tensor::from([1.0f32, 2.0, 3.0, 4.0]);
        let total = (&base * &weights).sum() + (&rows.view([4]) * 100.0).sum() + &first * 1000.0;
        total.backward();
        assert_eq!(grad_of(&x), [2.0 + 200.0 + 2000.0, 4.0 + 200.0, 60.0 + 2000.0, 80.0 + 2000.0]);
    }

    #[test]
    fn a_base_without_history_gets_one_from_what_is_written_into_it() {
        let w = leaf(&[3.0, 4.0]);
        let base = Tensor::zeros([2, 2]);
        let early = base.select(1, 1);
        assert!(!base.requires_grad() && !early.requires_grad());
        base.select(0, 1).copy_(&w);
        assert!(base.requires_grad() && early.requires_grad());
        (&base * &Tensor::from([[1.0f32, 2.0], [5.0, 7.0]])).sum().backward_with(retain());
        assert_eq!(grad_of(&w), [5.0, 7.0]);
        early.sum().backward();
        assert_eq!(grad_of(&w), [5.0, 8.0]);
    }

    #[test]
    fn overwriting_stops_the_gradient() {
        let x = leaf(&[1.0, 2.0]);
        let y = &x * 3.0;
        y.select(0, 0).fill_(7.0);
        y.sum().backward();
        assert_eq!(grad_of(&x), [0.0, 3.0]);
        let y = &x * 3.0;
        y.uniform_(0.0..1.0);
        x.zero_grad();
        y.sum().backward();
        assert_eq!(grad_of(&x), [0.0, 0.0]);
    }

    #[test]
    fn a_tensor_into_itself() {
        let x = leaf(&[1.0, 2.0, 3.0]);
        let y = &x * 1.0;
        y.add_(&y);
        y.sum().backward();
        assert_eq!(grad_of(&x), [2.0; 3]);
        // Overlapping parts: the old values are read.
        for recorded in [false, true] {
            let x = Tensor::from([1.0f32, 2.0, 3.0]).requires_grad_(recorded);
            let y = &x * 1.0;
            y.narrow(0, 1, 2).add_(y.narrow(0, 0, 2));
            assert_eq!(values(&y), [1.0, 3.0, 5.0]);
            if recorded {
                y.sum().backward();
                assert_eq!(grad_of(&x), [2.0, 2.0, 1.0]);
            }
        }
        for _ in 0..2 {
            let y = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
            y.mul_(y.t());
            assert_eq!(y.to_vec::<f32>(), [1.0, 6.0, 6.0, 16.0]);
        }
    }

    #[test]
    fn expanded_memory_is_refused() {
        let x = Tensor::ones([1, 2]).expand([3, 2]);
        let error = x.try_add_(1.0).unwrap_err();
        assert!(matches!(error, Error::Shape { .. }) && error.to_string().contains("copy it first"), "{error}");
    }

    #[test]
    fn views_of_detached_parts() {
        let w = Tensor::from(3.0f32).requires_grad_(true);
        let whole = Tensor::from([1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0]);
        // Detached, these own only the history of their part, which is not contiguous in memory.
        for part in [
            whole.slice_with(0, ..6, SliceOptions::new().step(2)).detach(),
            whole.view([2, 3]).t().narrow(0, 1, 2).detach(),
        ] {
            w.zero_grad();
            part.select(0, 1).mul_(&w);
            part.sum().backward();
            let expected = part.select(0, 1).detach().sum().item_as::<f32>() / 3.0;
            assert_eq!(grad_of(&w), [expected]);
        }
    }

    #[test]
    fn versions_count_changes_of_the_memory() {
        let x = Tensor::zeros([2]);
        let view = x.select(0, 1);
        let before = x.version();
        x.add_(1.0);
        view.mul_(2.0);
        assert_eq!((x.version(), view.version(), x.detach().version()), (before + 2, before + 2, before + 2));
        assert_eq!(x.copy().version(), 0);
    }
}

/// Depth: neither the backward pass nor the drop may recurse.
mod depth {
    use super::*;

    const DEEP: usize = if cfg!(debug_assertions) { 100_000 } else { 1_000_000 };

    fn small_stack<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
        std::thread::Builder::new().stack_size(256 << 10).spawn(f).unwrap().join().expect("no stack overflow")
    }

    fn chain(step: impl Fn(&Tensor) -> Tensor) -> (Tensor, Tensor) {
        let x = leaf(&[1.0]);
        let mut y = &x * 1.0;
        for _ in 0..DEEP {
            y = step(&y);
        }
        (x, y)
    }

    #[test]
    fn of_operations_that_save_nothing() {
        small_stack(|| {
            let (x, y) = chain(|y| y + 0.0);
            y.sum().backward();
            assert_eq!(grad_of(&x), [1.0]);
            drop(y);
            drop(chain(|y| y + 0.0));
        });
    }

    #[test]
    fn of_operations_that_save_inputs_or_outputs() {
        small_stack(|| {
            let w = leaf(&[1.0]);
            let (x, y) = chain(|y| y * &w);
            y.sum().backward();
            assert_eq!((grad_of(&x), grad_of(&w)), (vec![1.0], vec![DEEP as f32]));
            drop(y);
            drop(chain(|y| y.relu() * &w)); // dropped together with everything that was saved
        });
    }

    #[test]
    fn of_operations_that_take_one_tensor_twice() {
        small_stack(|| {
            let (x, y) = chain(|y| (y + y) * 0.5);
            y.sum().backward();
            assert_eq!(grad_of(&x), [1.0]);
            drop((x, y));
            drop(chain(|y| y + y));
            drop(chain(|y| y * y));
            drop(chain(|y| y.view([1]) * y.view([1])));
            drop(chain(|y| Tensor::cat([y, y]).narrow(0, 1, 1)));
        });
    }

    #[test]
    fn of_views() {
        small_stack(|| {
            let (x, y) = chain(|y| y.unsqueeze(0).squeeze(0));
            y.sum().backward();
            assert_eq!(grad_of(&x), [1.0]);
            drop((x, y));
            drop(chain(|y| y.view([1, 1]).select(0, 0)));
        });
    }

    #[test]
    fn of_changes_through_views() {
        small_stack(|| {
            let x = leaf(&[1.0, 2.0]);
            let y = &x * 1.0;
            let view = y.select(0, 1);
            for _ in 0..DEEP / 4 {
                view.add_(1.0);
            }
            y.sum().backward();
            assert_eq!(grad_of(&x), [1.0, 1.0]);
            for _ in 0..DEEP / 4 {
                view.neg_();
            }
            drop((y, view));
        });
    }

    #[test]
    fn of_lists() {
        small_stack(|| {
            let (x, y) = chain(|y| Tensor::cat([y]));
            y.sum().backward();
            assert_eq!(grad_of(&x), [1.0]);
            drop((x, y));
            drop(chain(|y| Tensor::cat([y])));
        });
    }

    #[test]
    fn of_gradients_for_given_inputs() {
        small_stack(|| {
            let (x, y) = chain(|y| y + 0.0);
            assert_eq!(values(grad(&y.sum(), &x)), [1.0]);
        });
    }

    #[test]
    fn of_a_graph_that_a_thread_leaves_behind() {
        thread_local! {
            static LEFT: std::cell::RefCell<Option<Tensor>> = const { std::cell::RefCell::new(None) };
        }
        small_stack(|| {
            LEFT.set(None); // so that it is dropped after the thread-local state that the library creates later
            drop(leaf(&[1.0]).exp().exp());
            LEFT.set(Some(chain(|y| y + 0.0).1));
        });
    }

    #[test]
    fn of_a_graph_that_is_wide() {
        let x = leaf(&[1.0]);
        let mut y = &x * 1.0;
        for _ in 0..60 {
            y = &y + &y; // 2^60 paths, 60 nodes
        }
        y.sum().backward();
        assert_eq!(grad_of(&x), [(1u64 << 60) as f32]);
    }
}

/// Threads: memory has many readers or one writer; everything else is an error, never undefined behavior.
mod threads {
    use super::*;

    #[test]
    fn readers_and_a_writer_of_one_tensor() {
        let shared = Tensor::zeros([4096]);
        let (busy, done, written) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let count = |result: rushlight::Result<Tensor>| match result {
            Ok(_) => drop(done.fetch_add(1, Relaxed)),
            Err(Error::Busy { .. }) => drop(busy.fetch_add(1, Relaxed)),
            Err(other) => panic!("{other}"),
        };
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (shared, count, written) = (shared.clone(), &count, &written);
                scope.spawn(move || {
                    for _ in 0..2000 {
                        if thread % 2 == 0 {
                            let change = shared.try_add_(1.0);
                            written.fetch_add(usize::from(change.is_ok()), Relaxed);
                            count(change);
                        } else {
                            let read = shared.try_mul(1.0);
                            if let Ok(values) = &read {
                                // If not all elements are equal, a write was in progress.
                                let values = values.to_vec::<f32>();
                                assert!(values.iter().all(|v| *v == values[0]));
                            }
                            count(read);
                        }
                    }
                });
            }
        });
        assert_eq!(done.load(Relaxed) + busy.load(Relaxed), 8000);
        // What was not rejected was executed completely. (A reader that is descheduled while it holds its guard can
        // exclude all writers.)
        shared.add_(1.0); // no guard is left
        let written = written.into_inner() + 1;
        assert!(shared.to_vec::<f32>().iter().all(|v| *v == written as f32));
    }

    #[test]
    fn each_thread_its_own_graph_over_shared_weights() {
        let w = leaf(&[2.0, 3.0]);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let g = [grad(&(&w * &w).sum(), &w)];
                        assert_eq!(values(&g[0]), [4.0, 6.0]);
                    }
                });
            }
        });
    }

    #[test]
    fn several_backward_passes_into_one_leaf() {
        let w = leaf(&[1.0]);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        (&w * 1.0).sum().backward();
                    }
                });
            }
        });
        assert_eq!(grad_of(&w), [2000.0]);
    }

    #[test]
    fn a_backward_pass_on_another_thread() {
        let x = leaf(&[3.0]);
        let y = (&x * &x).sum();
        std::thread::spawn(move || y.backward()).join().unwrap();
        assert_eq!(grad_of(&x), [6.0]);
    }
}
