//! An LSTM that learns to write a short text letter by letter, in seconds: `cargo run -p rushlight --example character_model`
//!
//! It reads 16 windows of the text at a time and predicts the next letter at every step, which needs memory: after "the " several
//! words may follow. Afterwards it writes on its own, one step at a time, with the state passed from step to step.

use rushlight::nn::utils::clip_grad_norm_;
use rushlight::nn::{self, Forward, LstmState, Module};
use rushlight::optim::{Adam, Optimizer};
use rushlight::{Tensor, keepdim, no_grad};

const TEXT: &str = "a rush is cut in summer and peeled while it is green. the pith is dried in the sun and drawn \
    through warm fat. the fat keeps the flame, the pith keeps the fat. a long rush burns for half an hour; a short \
    one lights the way to the barn and back. hold it level, or it burns too fast. hold it low, and it goes out. ";

const WINDOW: usize = 48;
const BATCH: usize = 16;

#[derive(Module)]
struct Writer {
    embedding: nn::Embedding,
    lstm: nn::LSTM,
    head: nn::Linear,
}

impl Writer {
    /// The logits of the next letter after each of `letters`, `[steps, batch]`, and the state after the last one.
    fn forward(&self, letters: &Tensor, state: LstmState) -> (Tensor, (Tensor, Tensor)) {
        let (y, state) = self.lstm.forward_with(&self.embedding.forward(letters), state);
        (self.head.forward(&y), state)
    }

    /// Writes `count` letters after `start`.
    fn write(&self, alphabet: &[char], start: &str, count: usize) -> String {
        let ids = encode(alphabet, start);
        let mut letters = Tensor::from(&ids[..]).view([ids.len(), 1]);
        let (mut text, mut state) = (start.to_string(), LstmState::default());
        for _ in 0..count {
            let (logits, next) = self.forward(&letters, state);
            // With this noise the largest is a draw from the softmax, here sharpened.
            let noise = -(-logits.select(0, 0).rand_like().log()).log();
            letters = (1.5 * logits.select(0, -1) + noise).argmax_dim(keepdim(1));
            text.push(alphabet[letters.item_as::<i64>() as usize]);
            state = next.into();
        }
        text
    }
}

fn encode(alphabet: &[char], text: &str) -> Vec<i64> {
    let place = |c: char| alphabet.iter().position(|&other| other == c).expect("a letter of the text") as i64;
    text.chars().map(place).collect()
}

fn main() {
    rushlight::manual_seed(0);
    let mut alphabet: Vec<char> = TEXT.chars().collect();
    alphabet.sort_unstable();
    alphabet.dedup();
    let text = Tensor::from(encode(&alphabet, TEXT));

    let (letters, hidden) = (alphabet.len(), 96);
    let net = Writer {
        embedding: nn::Embedding::new(letters, 16),
        lstm: nn::LSTM::new(16, hidden),
        head: nn::Linear::new(hidden, letters),
    };
    let mut optimizer = Adam::builder(net.parameters()).lr(0.01).build();
    println!("{net}\n{} letters of an alphabet of {letters}, {} parameters", text.numel(), net.num_parameters());

    for step in 0..=150 {
        let starts = Tensor::randint((text.numel() - WINDOW) as i64, [BATCH]).to_vec::<i64>();
        let windows: Vec<Tensor> = starts.iter().map(|&start| text.narrow(0, start as isize, WINDOW + 1)).collect();
        let windows = Tensor::stack_dim(&windows, 1);
        let (logits, _) = net.forward(&windows.narrow(0, 0, WINDOW), LstmState::default());
        let loss = logits.flatten_dim(..2).cross_entropy(&windows.narrow(0, 1, WINDOW).flatten());
        optimizer.zero_grad();
        loss.backward();
        clip_grad_norm_(net.parameters(), 1.0);
        optimizer.step();
        if step % 50 == 0 {
            let sample = no_grad(|| net.write(&alphabet, "the ", 60));
            println!("step {step:3}, loss {:.3}: {sample}", loss.item());
        }
    }
}
