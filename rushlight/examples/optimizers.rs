//! Every optimizer on one problem: its loss after 60 steps, and all curves in one plot.
//!
//! The problem: which kind of clothes does a description of four words mean? Every word has a score for each kind, and the scores
//! are what is learned.
//!
//! `cargo run -p rushlight --example optimizers [PLOT.png]`

use rushlight::plot::Chart;
use rushlight::prelude::*;

const WORDS: usize = 50;
const KINDS: usize = 4;
const STEPS: usize = 60;

type Make = fn(&Tensor) -> Box<dyn Optimizer>;

/// Each with a learning rate that suits it here.
const OPTIMIZERS: [(&str, Make); 4] = [
    ("Adagrad", |scores| Box::new(optim::Adagrad::builder([scores]).lr(0.5).build())),
    ("Adam", |scores| Box::new(optim::Adam::builder([scores]).lr(0.1).build())),
    ("AdamW", |scores| Box::new(optim::AdamW::builder([scores]).lr(0.1).weight_decay(0.1).build())),
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
        let loss_of = || {
            let of_each_word = scores.index_select(0, &words.view([-1])).view((-1, 4, KINDS));
            criterion.forward(&of_each_word.sum_dim(1), &kinds)
        };
        let mut curve = vec![loss_of().item()];
        for _ in 0..STEPS {
            optimizer.zero_grad();
            loss_of().backward();
            optimizer.step();
            curve.push(no_grad(loss_of).item());
        }
        println!("{name}: {:.4}", curve[STEPS]);
        chart = chart.line(name, &steps, &curve);
    }

    let path = std::env::args().nth(1).unwrap_or("optimizers.png".into());
    chart.save(&path)?;
    println!("plot: {path}");
    Ok(())
}
