//! Functions of one and two elements at chosen points, with PyTorch's values and slopes, on the host and on the reference device; and
//! their derivatives against differences.
#![allow(clippy::approx_constant, reason = "values as PyTorch prints them")]

use rushlight::autograd::{gradcheck, gradgradcheck};
use rushlight::ops::CloseOptions;
use rushlight::{DType, Device, Result, Tensor};

const NAN: f64 = f64::NAN;

#[track_caller]
fn assert_near(what: &str, found: &Tensor, want: &[f64]) {
    for (i, (found, want)) in found.to_vec::<f64>().into_iter().zip(want).enumerate() {
        let near = (found - want).abs() <= 5e-9 * (1.0 + want.abs()) || found.is_nan() && want.is_nan();
        assert!(near, "{what}: element {i} is {found}, but PyTorch has {want}");
    }
}

fn on_each_device(check: impl Fn(Device)) {
    [Device::Cpu, Device::Reference].into_iter().for_each(check);
}

type Function = fn(&Tensor) -> Result<Tensor>;

#[test]
fn of_one_element() {
    let x = &[-0.5, 0.0, 0.25, 0.9][..];
    let rows: [(&str, Function, &[f64], [&[f64]; 2]); 7] = [
        (
            "asin",
            Tensor::try_asin,
            x,
            [&[-0.523598776, 0.0, 0.252680255, 1.11976951], &[1.15470054, 1.0, 1.03279556, 2.29415734]],
        ),
        (
            "acos",
            Tensor::try_acos,
            x,
            [&[2.0943951, 1.57079633, 1.31811607, 0.451026812], &[-1.15470054, -1.0, -1.03279556, -2.29415734]],
        ),
        (
            "asinh",
            Tensor::try_asinh,
            x,
            [&[-0.481211825, 0.0, 0.247466462, 0.808866936], &[0.894427191, 1.0, 0.9701425, 0.743294146]],
        ),
        (
            "atanh",
            Tensor::try_atanh,
            x,
            [&[-0.549306144, 0.0, 0.255412812, 1.47221949], &[1.33333333, 1.0, 1.06666667, 5.26315789]],
        ),
        (
            "erfc",
            Tensor::try_erfc,
            x,
            [&[1.52049988, 1.0, 0.72367361, 0.203091788], &[-0.878782579, -1.12837917, -1.06001413, -0.501968574]],
        ),
        ("frac", Tensor::try_frac, x, [&[-0.5, 0.0, 0.25, 0.9], &[1.0; 4]]),
        (
            "acosh",
            Tensor::try_acosh,
            &[1.5, 2.0, 7.0],
            [&[0.96242365, 1.3169579, 2.63391579], &[0.894427191, 0.577350269, 0.144337567]],
        ),
    ];
    on_each_device(|device| {
        for (name, function, x, [values, slopes]) in rows {
            let x = Tensor::from(x).to_device(device).requires_grad_(true);
            let y = function(&x).unwrap();
            assert_near(&format!("{name} on {device}"), &y, values);
            y.sum().backward();
            assert_near(&format!("slope of {name} on {device}"), &x.grad().unwrap(), slopes);
        }
    });
}

#[test]
fn activations() {
    let x = &[-4.0, -3.0, -1.0, 0.0, 0.5, 3.0, 4.0][..];
    let sixth = 1.0 / 6.0;
    let rows: [(&str, Function, [[f64; 7]; 2]); 10] = [
        (
            "hardsigmoid",
            Tensor::try_hardsigmoid,
            [[0.0, 0.0, 1.0 / 3.0, 0.5, 3.5 / 6.0, 1.0, 1.0], [0.0, 0.0, sixth, sixth, sixth, 0.0, 0.0]],
        ),
        (
            "hardswish",
            Tensor::try_hardswish,
            [[0.0, 0.0, -1.0 / 3.0, 0.0, 1.75 / 6.0, 3.0, 4.0], [0.0, 0.0, sixth, 0.5, 2.0 / 3.0, 1.0, 1.0]],
        ),
        (
            "silu",
            Tensor::try_silu,
            [
                [-0.07194484, -0.1422776, -0.2689414, 0.0, 0.3112297, 2.857722, 3.928055],
                [-0.05266461, -0.08810411, 0.07232949, 0.5, 0.7399612, 1.088104, 1.052665],
            ],
        ),
        (
            "mish",
            Tensor::try_mish,
            [
                [-0.07259174, -0.1456475, -0.3034015, 0.0, 0.3752452, 2.986535, 3.997413],
                [-0.05377321, -0.09339311, 0.05921676, 0.6, 0.8864244, 1.021107, 1.004433],
            ],
        ),
        (
            "gelu",
            Tensor::try_gelu,
            [
                [-0.000126685, -0.004049694, -0.1586553, 0.0, 0.3457312, 2.99595, 3.999873],
                [-0.0005036497, -0.01194565, -0.08331547, 0.5, 0.8674951, 1.011946, 1.000504],
            ],
        ),
        (
            "gelu_tanh",
            Tensor::try_gelu_tanh,
            [
                [-7.024595e-05, -0.003637392, -0.158808, 0.0, 0.345714, 2.996363, 3.99993],
                [-0.0003351232, -0.01158417, -0.08296408, 0.5, 0.8673699, 1.011584, 1.000335],
            ],
        ),
        (
            "softsign",
            Tensor::try_softsign,
            [[-0.8, -0.75, -0.5, 0.0, 1.0 / 3.0, 0.75, 0.8], [0.04, 0.0625, 0.25, 1.0, 4.0 / 9.0, 0.0625, 0.04]],
        ),
        (
            "elu",
            |x| x.try_elu(1.5),
            [
                [-1.472527, -1.425319, -0.9481808, 0.0, 0.5, 3.0, 4.0],
                [0.02747346, 0.0746806, 0.5518192, 1.5, 1.0, 1.0, 1.0],
            ],
        ),
        (
            "softplus",
            |x| x.try_softplus(2.0, 4.0),
            [
                [0.0001677032, 0.001237843, 0.06346401, 0.3465736, 0.6566308, 3.0, 4.0],
                [0.0003353501, 0.002472623, 0.1192029, 0.5, 0.7310586, 1.0, 1.0],
            ],
        ),
        (
            "threshold",
            |x| x.try_threshold(0.5, 9.0),
            [[9.0, 9.0, 9.0, 9.0, 9.0, 3.0, 4.0], [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0]],
        ),
    ];
    on_each_device(|device| {
        for (name, function, [values, slopes]) in &rows {
            let x = Tensor::from(x).to_device(device).requires_grad_(true);
            let y = function(&x).unwrap();
            // PyTorch printed seven digits of these.
            let near = |what: &str, found: &Tensor, want: &[f64]| {
                let want = Tensor::from(want).to_device(device);
                assert!(
                    found.allclose_with(&want, CloseOptions::new().rtol(1e-6).atol(1e-12)),
                    "{what} on {device}: {found} {want}"
                );
            };
            near(name, &y, values);
            y.sum().backward();
            near(&format!("slope of {name}"), &x.grad().unwrap(), slopes);
            assert!(function(&Tensor::from([1, 2]).to_device(device)).is_err(), "{name} of integers");
        }
    });
}

#[test]
fn of_two_elements() {
    type Binary = fn(&Tensor, &Tensor) -> Result<Tensor>;
    let (a, b) = ([1.0, -7.0, 3.0, NAN, NAN, 0.0], [2.0, 3.0, 3.0, 1.0, NAN, -0.5]);
    let rows: [(&str, Binary, [[f64; 6]; 3]); 5] = [
        ("fmod", |a, b| a.try_fmod(b), [[1.0, -1.0, 0.0, NAN, NAN, 0.0], [1.0; 6], [0.0, 2.0, -1.0, NAN, NAN, 0.0]]),
        (
            "atan2",
            |a, b| a.try_atan2(b),
            [
                [0.463647609, -1.16590454, 0.785398163, NAN, NAN, 3.14159265],
                [0.4, 0.0517241379, 0.166666667, NAN, NAN, -2.0],
                [-0.2, 0.120689655, -0.166666667, NAN, NAN, 0.0],
            ],
        ),
        (
            "fmax",
            |a, b| a.try_fmax(b),
            [[2.0, 3.0, 3.0, 1.0, NAN, 0.0], [0.0, 0.0, 0.5, 0.0, 1.0, 1.0], [1.0, 1.0, 0.5, 1.0, 0.0, 0.0]],
        ),
        (
            "fmin",
            |a, b| a.try_fmin(b),
            [[1.0, -7.0, 3.0, 1.0, NAN, -0.5], [1.0, 1.0, 0.5, 0.0, 1.0, 0.0], [0.0, 0.0, 0.5, 1.0, 0.0, 1.0]],
        ),
        ("lerp", |a, b| a.try_lerp(b, 0.25), [[1.25, -4.5, 3.0, NAN, NAN, -0.125], [0.75; 6], [0.25; 6]]),
    ];
    on_each_device(|device| {
        for (name, function, [values, of_a, of_b]) in rows {
            let [a, b] = [a, b].map(|values| Tensor::from(values).to_device(device).requires_grad_(true));
            let y = function(&a, &b).unwrap();
            assert_near(&format!("{name} on {device}"), &y, &values);
            y.sum().backward();
            assert_near(&format!("first slope of {name} on {device}"), &a.grad().unwrap(), &of_a);
            assert_near(&format!("second slope of {name} on {device}"), &b.grad().unwrap(), &of_b);
        }
        let [a, b] = [[-7, 7], [3, -3]].map(|values| Tensor::from(values).to_device(device));
        assert_eq!(a.fmod(&b).to_vec::<i64>(), [-1, 1]);
        assert_eq!(a.fmax(&b).to_vec::<i64>(), [3, 7]);
        assert!(a.try_fmod(0).is_err(), "an integer was divided by 0");
        let [a, b] = [[true, false], [false, false]].map(|values| Tensor::from(values).to_device(device));
        assert_eq!((a.fmax(&b).to_vec::<bool>(), a.fmin(&b).to_vec::<bool>()), (vec![true, false], vec![false; 2]));
        assert!(a.try_fmod(&b).is_err() && a.try_frac().is_err(), "bool has neither");
        assert_eq!(Tensor::from([3]).to_device(device).atan2(4).dtype(), DType::F32);
    });
}

/// Away from kinks.
#[test]
fn derivatives_of_both_orders() {
    let functions: [(&str, Function); 16] = [
        ("asin", Tensor::try_asin),
        ("acos", Tensor::try_acos),
        ("asinh", Tensor::try_asinh),
        ("acosh", |x| x.try_add(2)?.try_acosh()),
        ("atanh", Tensor::try_atanh),
        ("erfc", Tensor::try_erfc),
        ("frac", Tensor::try_frac),
        ("silu", Tensor::try_silu),
        ("gelu", Tensor::try_gelu),
        ("gelu_tanh", Tensor::try_gelu_tanh),
        ("mish", Tensor::try_mish),
        ("softplus", |x| x.try_softplus(1.5, 20.0)),
        ("elu", |x| x.try_elu(1.5)),
        ("softsign", Tensor::try_softsign),
        ("hardswish", Tensor::try_hardswish),
        ("hardsigmoid", Tensor::try_hardsigmoid),
    ];
    for (name, function) in functions {
        let x = Tensor::from([[-0.7, -0.3], [0.2, 0.6]]).requires_grad_(true);
        let f = |x: &[&Tensor]| function(x[0]);
        gradcheck(f, &[&x]).unwrap_or_else(|error| panic!("{name}: {error}"));
        gradgradcheck(f, &[&x]).unwrap_or_else(|error| panic!("{name}, second order: {error}"));
    }
    let a = Tensor::from([[-0.7, 5.3], [0.2, 0.6]]).requires_grad_(true);
    let b = Tensor::from([0.4, -1.3]).requires_grad_(true);
    let functions: [(&str, fn(&[&Tensor]) -> Result<Tensor>); 5] = [
        ("fmod", |x| x[0].try_fmod(x[1])),
        ("atan2", |x| x[0].try_atan2(x[1])),
        ("fmax", |x| x[0].try_fmax(x[1])),
        ("fmin", |x| x[0].try_fmin(x[1])),
        ("lerp", |x| x[0].try_lerp(x[1], 0.3)),
    ];
    for (name, function) in functions {
        gradcheck(function, &[&a, &b]).unwrap_or_else(|error| panic!("{name}: {error}"));
        gradgradcheck(function, &[&a, &b]).unwrap_or_else(|error| panic!("{name}, second order: {error}"));
    }
}
