//! Every optimizer on one problem: its loss after 60 steps, and all curves in one plot.
//!
//! The problem: which kind of clothes does a description of four words mean? Every word has a score for each kind, and the scores
//! are what is learned.
//!
//! `cargo run -p rushlight --example optimizers [PLOT.png]`

use rushlight::ops::EmbeddingOptions;
use rushlight::plot::Chart;
use rushlight::prelude::*;

const WORDS: usize = 50;
const KINDS: usize = 4;
const STEPS: usize = 60;

type Make = fn(&Tensor) -> Box<dyn Optimizer>;

/// Each with a learning rate that suits it here.
const OPTIMIZERS: [(&str, Make); 11] = [
    ("Adadelta", |scores| Box::new(optim::Adadelta::builder([scores]).lr(20.0).build())),
    ("Adagrad", |scores| Box::new(optim::Adagrad::builder([scores]).lr(0.5).build())),
    ("Adam", |scores| Box::new(optim::Adam::builder([scores]).lr(0.1).build())),
    ("AdamW", |scores| Box::new(optim::AdamW::builder([scores]).lr(0.1).weight_decay(0.1).build())),
    ("SparseAdam", |scores| Box::new(optim::SparseAdam::builder([scores]).lr(0.1).build())),
    ("Adamax", |scores| Box::new(optim::Adamax::builder([scores]).lr(0.2).build())),
    ("ASGD", |scores| Box::new(optim::ASGD::builder([scores]).lr(5.0).build())),
    ("LBFGS", |scores| Box::new(optim::LBFGS::builder([scores]).max_iter(1).build())),
    ("RMSprop", |scores| Box::new(optim::RMSprop::builder([scores]).lr(0.03).build())),
    ("Rprop", |scores| Box::new(optim::Rprop::builder([scores]).lr(0.05).build())),
    ("SGD", |scores| Box::new(optim::SGD::builder([scores]).lr(1.0).momentum(0.9).build())),
];

/// 400 descriptions of four words, and what they mean. One word is said of that kind alone (the first kind has words 0 to 11, and so on),
/// the others are any: no scores are right for all.
fn descriptions() -> (Tensor, Tensor) {
    let kinds = Tensor::randint(KINDS as i64, [400]);
    let own = kinds.view([-1, 1]) * 12 + Tensor::randint(12, [400, 1]);
    (Tensor::cat_dim([own, Tensor::randint(WORDS as i64, [400, 3])], 1), kinds)
}

fn main() -> Result<()> {
    manual_seed(0);
    let (words, kinds) = descriptions();
    let start = Tensor::randn([WORDS, KINDS]);
    let criterion = nn::CrossEntropyLoss::new();

    let mut chart = Chart::new("Every optimizer on one problem").x_label("step").y_label("loss");
    let steps: Vec<f64> = (0..=STEPS).map(|step| step as f64).collect();
    for (name, make) in OPTIMIZERS {
        let scores = start.copy().requires_grad_(true);
        let mut optimizer = make(&scores);
        // SparseAdam takes the gradient of the words that occur, all others one of the whole table.
        let lookup = EmbeddingOptions::new().sparse(name == "SparseAdam");
        let loss_of = || criterion.forward(&words.embedding_with(&scores, lookup).sum_dim(1), &kinds);
        // LBFGS computes the loss as often as it needs.
        let mut closure = || {
            scores.zero_grad();
            let loss = loss_of();
            loss.backward();
            loss
        };
        let mut curve = Vec::with_capacity(STEPS + 1);
        for _ in 0..STEPS {
            curve.push(optimizer.step_with(&mut closure).item());
        }
        curve.push(no_grad(loss_of).item());
        println!("{name}: {:.4}", curve[STEPS]);
        chart = chart.line(name, &steps, &curve);
    }

    let path = std::env::args().nth(1).unwrap_or("optimizers.png".into());
    chart.save(&path)?;
    println!("plot: {path}");
    Ok(())
}
