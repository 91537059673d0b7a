//! Losses as layers against PyTorch, with each of their options; and several of them in one scalar.

use crate::golden::{assert_close, list, load, tensor, text, texts};
use rushlight::nn::{self, Module};
use rushlight::{BackwardOptions, Reduction, Tensor};

/// A layer, and the loss it computes.
trait Loss: Module {
    fn of(&self, x: &Tensor, target: &Tensor) -> Tensor;
}

macro_rules! losses {
    ($($name:ident)*) => {
        $(impl Loss for nn::$name {
            fn of(&self, x: &Tensor, target: &Tensor) -> Tensor {
                self.forward(x, target)
            }
        })*
    };
}

losses! { MSELoss L1Loss CrossEntropyLoss NLLLoss BCELoss BCEWithLogitsLoss }

/// The loss that the generator calls `name`.
fn loss(name: &str, weight: &Tensor, pos_weight: &Tensor) -> Box<dyn Loss> {
    match name {
        "MSELoss" => Box::new(nn::MSELoss::new()),
        "MSELoss_sum" => Box::new(nn::MSELoss::builder().reduction(Reduction::Sum).build()),
        "MSELoss_none" => Box::new(nn::MSELoss::builder().reduction(Reduction::None).build()),
        "L1Loss" => Box::new(nn::L1Loss::new()),
        "L1Loss_sum" => Box::new(nn::L1Loss::builder().reduction(Reduction::Sum).build()),
        "L1Loss_none" => Box::new(nn::L1Loss::builder().reduction(Reduction::None).build()),
        "CrossEntropyLoss" => Box::new(nn::CrossEntropyLoss::new()),
        "CrossEntropyLoss_weight" => Box::new(nn::CrossEntropyLoss::builder().weight(weight).build()),
        "CrossEntropyLoss_ignore_index" => Box::new(nn::CrossEntropyLoss::builder().ignore_index(1).build()),
        "CrossEntropyLoss_label_smoothing" => Box::new(nn::CrossEntropyLoss::builder().label_smoothing(0.2).build()),
        "CrossEntropyLoss_options" => {
            let all = nn::CrossEntropyLoss::builder().weight(weight).ignore_index(1).label_smoothing(0.2);
            Box::new(all.reduction(Reduction::None).build())
        }
        "CrossEntropyLoss_probabilities" => {
            Box::new(nn::CrossEntropyLoss::builder().weight(weight).label_smoothing(0.2).build())
        }
        "CrossEntropyLoss_pixels" => {
            let some = nn::CrossEntropyLoss::builder().weight(weight).ignore_index(2);
            Box::new(some.reduction(Reduction::Sum).build())
        }
        "NLLLoss" => Box::new(nn::NLLLoss::new()),
        "NLLLoss_weight" => Box::new(nn::NLLLoss::builder().weight(weight).build()),
        "NLLLoss_ignore_index" => Box::new(nn::NLLLoss::builder().ignore_index(1).build()),
        "NLLLoss_sum" => {
            Box::new(nn::NLLLoss::builder().weight(weight).ignore_index(1).reduction(Reduction::Sum).build())
        }
        "NLLLoss2d" => Box::new(nn::NLLLoss2d::new()),
        "NLLLoss2d_options" => {
            Box::new(nn::NLLLoss2d::builder().weight(weight).ignore_index(2).reduction(Reduction::None).build())
        }
        "BCELoss" => Box::new(nn::BCELoss::new()),
        "BCELoss_weight" => Box::new(nn::BCELoss::builder().weight(weight).build()),
        "BCELoss_sum" => Box::new(nn::BCELoss::builder().weight(weight).reduction(Reduction::Sum).build()),
        "BCELoss_none" => Box::new(nn::BCELoss::builder().reduction(Reduction::None).build()),
        "BCEWithLogitsLoss" => Box::new(nn::BCEWithLogitsLoss::new()),
        "BCEWithLogitsLoss_weight" => Box::new(nn::BCEWithLogitsLoss::builder().weight(weight).build()),
        "BCEWithLogitsLoss_pos_weight" => Box::new(nn::BCEWithLogitsLoss::builder().pos_weight(pos_weight).build()),
        "BCEWithLogitsLoss_options" => {
            let both = nn::BCEWithLogitsLoss::builder().weight(weight).pos_weight(pos_weight);
            Box::new(both.reduction(Reduction::None).build())
        }
        other => panic!("the fixture has a loss {other} that is unknown to this test"),
    }
}

#[test]
fn losses_are_pytorchs() {
    let fixture = load("activations");
    let [weight, pos_weight] = ["weight", "pos_weight"].map(|key| tensor(&fixture[key]));
    assert_eq!(list(&fixture["losses"]).len(), 27);
    for golden in list(&fixture["losses"]) {
        let name = text(&golden["name"]);
        let loss = loss(name, &weight, &pos_weight);
        // NLLLoss2d is another name of NLLLoss here.
        assert_eq!(loss.repr(), text(&golden["text"]).replace("NLLLoss2d", "NLLLoss"), "{name}");
        assert_eq!(loss.state_dict().keys().collect::<Vec<_>>(), texts(&golden["state_dict"]), "{name}");
        let x = tensor(&golden["input"]).requires_grad_(true);
        let y = loss.of(&x, &tensor(&golden["target"]));
        assert_close(&format!("{name}: output"), &y, &golden["output"], 2e-6);
        y.backward_with(BackwardOptions::new().gradient(tensor(&golden["grad_output"])));
        assert_close(&format!("{name}: gradient"), &x.grad().unwrap(), &golden["grad_input"], 1e-5);
    }
}

#[test]
fn several_losses_in_one_scalar() {
    let golden = &load("activations")["several_losses"];
    let [x, w] = ["x", "w"].map(|key| tensor(&golden[key]).requires_grad_(true));
    let out = x.matmul(&w);
    let loss = 0.75 * nn::CrossEntropyLoss::new().forward(&out, &tensor(&golden["classes"]))
        + 0.25 * nn::MSELoss::new().forward(&out, &tensor(&golden["values"]));
    assert_close("loss", &loss, &golden["loss"], 2e-6);
    let compare = |passes: &str| {
        for (leaf, golden) in [&x, &w].into_iter().zip(list(&golden[passes])) {
            assert_close(passes, &leaf.grad().unwrap(), golden, 1e-5);
        }
    };
    loss.backward_with(BackwardOptions::new().retain_graph(true));
    compare("once");
    loss.backward();
    compare("twice");
    let message = loss.try_backward().unwrap_err().to_string();
    assert!(message.contains("second time") && message.contains("retain_graph"), "{message}");
    compare("twice");
}
