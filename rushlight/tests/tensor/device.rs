//! Tensors on a device other than the host: creation, transfer, computation, and separation from other devices.

use rushlight::io::safetensors;
use rushlight::ops::{CloseOptions, DropoutOptions, EmbeddingOptions};
use rushlight::optim::{ASGD, Adadelta, Adagrad, Adam, AdamW, Adamax, Optimizer, RMSprop, Rprop, SGD, SparseAdam};
use rushlight::{DType, Device, Error, Generator, Tensor, TensorOptions};

const REFERENCE: Device = Device::Reference;

fn there() -> TensorOptions {
    TensorOptions::new().device(REFERENCE)
}

/// Equal in type, shape and elements, the first one being on the reference device.
#[track_caller]
fn assert_same(found: &Tensor, here: &Tensor) {
    assert_eq!((found.device(), here.device()), (REFERENCE, Device::Cpu));
    assert_eq!((found.dtype(), found.shape()), (here.dtype(), here.shape()));
    assert_eq!(found.to_string(), here.to_string());
    assert!(found.to_device(Device::Cpu).equal(here), "{found} {here}");
}

#[test]
fn tensors_are_made_on_a_device() {
    assert_same(&Tensor::zeros_with([2, 3], there()), &Tensor::zeros([2, 3]));
    assert_same(&Tensor::ones_with([70], there().dtype(DType::Bool)), &Tensor::ones_with([70], DType::Bool));
    assert_same(&Tensor::full_with([2], 7, there()), &Tensor::full([2], 7));
    assert_same(&Tensor::eye_with(3, there()), &Tensor::eye(3));
    assert_same(&Tensor::ones_with([2], there()).zeros_like(), &Tensor::zeros([2]));
    assert_same(&Tensor::linspace_with(0.0, 1.0, 7, there()), &Tensor::linspace(0.0, 1.0, 7));
    assert_same(&Tensor::zeros_with([0, 4], there()), &Tensor::zeros([0, 4]));
}

#[test]
fn random_numbers_are_those_of_the_host() {
    let both = || {
        [REFERENCE, Device::Cpu].map(|device| TensorOptions::new().device(device).generator(Generator::from_seed(5)))
    };
    let check = |make: fn(&TensorOptions) -> Tensor| {
        let [found, here] = both().map(|options| make(&options));
        assert_same(&found, &here);
    };
    check(|options| Tensor::rand_with([3, 40], options));
    check(|options| Tensor::randn_with([3, 40], options));
    check(|options| Tensor::randn_with([5], options));
    check(|options| Tensor::randperm_with(50, options));
    let _alone = crate::default_generator();
    let dropped = [REFERENCE, Device::Cpu].map(|device| {
        rushlight::manual_seed(1);
        // Transposed: random values are drawn in memory order.
        Tensor::ones([4, 6]).to_device(device).t().dropout_with(DropoutOptions::new().p(0.4))
    });
    assert_same(&dropped[0], &dropped[1]);
}

#[test]
fn moving_is_differentiable() {
    let x = Tensor::from([1.0f32, -2.0]).requires_grad_(true);
    let y = x.to_device(REFERENCE);
    assert_eq!((y.device(), y.shape()), (REFERENCE, &[2][..]));
    let back = y.square().to_device(Device::Cpu);
    back.sum().backward();
    assert_eq!(x.grad().unwrap().to_vec::<f32>(), [2.0, -4.0]);
    assert_eq!(x.grad().unwrap().device(), Device::Cpu);
    assert!(x.to_device(Device::Cpu).shares_memory_with(&x), "it is already there");
}

#[test]
fn elements_are_read_by_download() {
    let x = Tensor::from([[1.5f64, 2.0], [3.0, 4.0]]).to_device(REFERENCE);
    assert_eq!(x.t().to_vec::<f64>(), [1.5, 3.0, 2.0, 4.0]);
    assert_eq!(x.select(0, 0).select(0, 0).item(), 1.5);
    assert_eq!(x.gt(1.75).to_vec::<bool>(), [false, true, true, true]);
    assert_eq!(format!("{x}"), format!("{}", x.to_device(Device::Cpu)));
    let bytes = safetensors::to_bytes([("x", x.t())], &Default::default()).unwrap();
    let (tensors, _) = safetensors::from_bytes(&bytes).unwrap();
    assert_eq!(tensors["x"].to_vec::<f64>(), [1.5, 3.0, 2.0, 4.0]);
}

#[test]
fn in_place_operations_stay_on_the_device() {
    let x = Tensor::from([1.0f32, 2.0]).to_device(REFERENCE);
    x.copy_(&Tensor::from([3.0f32, 4.0])).add_(1).mul_(&x);
    assert_eq!((x.device(), x.to_vec::<f32>()), (REFERENCE, vec![16.0, 25.0]));
    x.uniform_with_(2.0..2.0, &Generator::from_seed(0));
    assert_eq!(x.to_vec::<f32>(), [2.0, 2.0]);
}

/// The gradient of a view that repeats elements, rebuilt after its base was modified.
#[test]
fn gradients_add_up_where_a_view_repeats_elements() {
    for device in [Device::Cpu, REFERENCE] {
        let x = Tensor::from([1.0f32, 2.0]).to_device(device).requires_grad_(true);
        let base = x.mul(1.0);
        let view = base.expand([3, 2]);
        base.mul_(2.0);
        view.sum().backward();
        assert_eq!(x.grad().unwrap().to_vec::<f32>(), [6.0, 6.0], "{device}");
    }
}

#[test]
fn operands_on_different_devices_are_refused() {
    let (here, there) = (Tensor::ones([2, 2]), Tensor::ones([2, 2]).to_device(REFERENCE));
    let index = Tensor::from([[0, 0]]);
    let condition = here.gt(0);
    let results = [
        here.try_add(&there),
        there.try_mul(&here),
        here.try_eq(&there),
        here.try_add_(&there),
        here.try_mm(&there),
        Tensor::try_cat([&here, &there]),
        there.try_gather(0, &index),
        there.try_masked_fill(&condition, 0.0),
        here.try_mse_loss(&there),
    ];
    for result in results {
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Device { .. }), "{error}");
        let (text, [a, b]) = (error.to_string(), ["cpu", "reference"]);
        let says = |a, b| text.ends_with(&format!(": expected all tensors on one device, got {a} and {b}"));
        assert!(says(a, b) || says(b, a), "{text}");
    }
    assert_eq!(here.to_vec::<f32>(), [1.0; 4], "nothing was modified");
}

/// The result of each optimizer after a few steps, fused on the host and composed of tensor operations on the reference
/// device.
#[test]
fn optimizers_take_the_same_steps() {
    type Make = fn(&Tensor) -> Box<dyn Optimizer>;
    let optimizers: [(&str, Make); 16] = [
        ("SGD", |w| Box::new(SGD::builder([w]).lr(0.1).weight_decay(0.2).build())),
        ("momentum", |w| Box::new(SGD::builder([w]).lr(0.1).momentum(0.9).dampening(0.3).maximize(true).build())),
        ("Nesterov", |w| Box::new(SGD::builder([w]).lr(0.1).momentum(0.9).nesterov(true).build())),
        ("Adagrad", |w| Box::new(Adagrad::builder([w]).lr(0.1).lr_decay(0.3).initial_accumulator_value(0.2).build())),
        ("Adam", |w| Box::new(Adam::builder([w]).lr(0.1).weight_decay(0.1).amsgrad(true).build())),
        ("AdamW", |w| Box::new(AdamW::builder([w]).lr(0.1).weight_decay(0.1).build())),
        ("Adamax", |w| {
            Box::new(Adamax::builder([w]).lr(0.1).weight_decay(0.1).betas((0.6, 0.8)).maximize(true).build())
        }),
        ("Adadelta", |w| Box::new(Adadelta::builder([w]).rho(0.6).eps(0.01).weight_decay(0.1).build())),
        ("ASGD", |w| Box::new(ASGD::builder([w]).lr(0.1).lambd(0.2).weight_decay(0.1).build())),
        ("averaging ASGD", |w| Box::new(ASGD::builder([w]).lr(0.1).t0(1.0).maximize(true).build())),
        ("RMSprop", |w| Box::new(RMSprop::builder([w]).alpha(0.6).eps(0.01).weight_decay(0.1).build())),
        ("centered RMSprop", |w| Box::new(RMSprop::builder([w]).alpha(0.6).centered(true).build())),
        ("RMSprop with momentum", |w| Box::new(RMSprop::builder([w]).alpha(0.6).momentum(0.7).build())),
        ("both", |w| Box::new(RMSprop::builder([w]).alpha(0.4).momentum(0.7).centered(true).maximize(true).build())),
        ("Rprop", |w| Box::new(Rprop::builder([w]).lr(0.9).step_sizes((0.5, 1.0)).build())),
        ("ascending Rprop", |w| Box::new(Rprop::builder([w]).lr(0.1).etas((0.3, 1.7)).maximize(true).build())),
    ];
    for (name, make) in optimizers {
        let [found, here] = [REFERENCE, Device::Cpu].map(|device| {
            let w = Tensor::from([1.0f64, -2.0, 0.5]).to_device(device).requires_grad_(true);
            let mut optimizer = make(&w);
            for _ in 0..4 {
                optimizer.zero_grad();
                w.square().sum().backward();
                optimizer.step();
            }
            w.detach().to_device(Device::Cpu)
        });
        assert!(found.allclose_with(&here, CloseOptions::new().rtol(1e-12).atol(1e-14)), "{name}: {found} {here}");
    }
}

#[test]
fn rows_of_sparse_gradients_take_the_same_steps() {
    type Make = fn(&Tensor) -> Box<dyn Optimizer>;
    let optimizers: [(&str, Make); 3] = [
        ("SparseAdam", |w| Box::new(SparseAdam::builder([w]).lr(0.1).betas((0.6, 0.8)).maximize(true).build())),
        ("SGD", |w| Box::new(SGD::builder([w]).lr(0.1).build())),
        ("Adagrad", |w| Box::new(Adagrad::builder([w]).lr(0.1).build())),
    ];
    let rows = Tensor::from([0i64, 2, 2]);
    for (name, make) in optimizers {
        let [found, here] = [REFERENCE, Device::Cpu].map(|device| {
            let w = Tensor::from([[1.0f64, -2.0], [0.25, 3.0], [0.5, -1.5]]).to_device(device).requires_grad_(true);
            let rows = rows.to_device(device);
            let mut optimizer = make(&w);
            for _ in 0..4 {
                optimizer.zero_grad();
                rows.embedding_with(&w, EmbeddingOptions::new().sparse(true)).square().sum().backward();
                optimizer.step();
            }
            w.detach().to_device(Device::Cpu)
        });
        assert!(found.allclose_with(&here, CloseOptions::new().rtol(1e-12).atol(1e-14)), "{name}: {found} {here}");
        assert_eq!(here.select(0, 1).to_vec::<f64>(), [0.25, 3.0], "{name}: a row without a gradient");
    }
}

#[test]
fn waiting_for_a_device() {
    Device::Cpu.synchronize().unwrap();
    REFERENCE.synchronize().unwrap();
}
