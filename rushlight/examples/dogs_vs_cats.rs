//! Trains ResNet-18 from scratch to tell dogs from cats, on a folder of photographs named as Kaggle names them: `cat.0.jpg`, `dog.12.jpg`.
//! It learns from four in five; the others tell how good it is after each epoch, and the best network is kept.
//!
//! `cargo run --release -p rushlight --example dogs_vs_cats FOLDER [SIZE [EPOCHS]]`

use rushlight::data::random_split;
use rushlight::optim::lr_scheduler::StepLR;
use rushlight::prelude::*;
use rushlight::vision::datasets::{FlatImageFolder, VisionDataset};
use rushlight::vision::models::resnet18;
use rushlight::vision::transforms::{Compose, Normalize, Resize, ToTensor};
use std::time::Instant;

/// Mean and standard deviation of red, green and blue over ImageNet's photographs.
const MEAN: [f64; 3] = [0.485, 0.456, 0.406];
const STD: [f64; 3] = [0.229, 0.224, 0.225];

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().expect("FOLDER is missing: the photographs");
    let mut number = |default| args.next().map_or(default, |arg| arg.parse().expect("SIZE and EPOCHS are numbers"));
    let (size, epochs) = (number(128), number(5));
    manual_seed(0);

    let photos = FlatImageFolder::open(&folder)?;
    println!("{} photographs: {}", photos.len(), photos.classes().join(", "));
    let transform = Compose::new((Resize::new([size, size]), ToTensor::new(), Normalize::new(MEAN, STD)));
    let mut parts = random_split(photos.transform(transform), [0.8, 0.2], None).into_iter();
    let mut loader = |shuffle| {
        let part = parts.next().expect("two parts");
        DataLoader::builder(part).batch_size(16).shuffle(shuffle).num_workers(2).build()
    };
    let phases = [("train", loader(true)), ("valid", loader(false))];

    let model = resnet18(2);
    let criterion = nn::CrossEntropyLoss::new();
    let mut optimizer = optim::SGD::builder(model.parameters()).lr(0.001).momentum(0.9).build();
    let mut scheduler = StepLR::new(&mut optimizer, 7);
    let since = Instant::now();
    let mut best = (0.0, model.state_dict());
    for epoch in 0..epochs {
        println!("Epoch {epoch}/{}", epochs - 1);
        println!("----------");
        for (phase, data) in &phases {
            let training = *phase == "train";
            model.train(training);
            let (mut running_loss, mut running_corrects) = (0.0, 0.0);
            for batch in data.try_iter() {
                let (inputs, labels) = batch?;
                optimizer.zero_grad();
                let forward = || model.forward(&inputs);
                let outputs = if training { forward() } else { no_grad(forward) };
                let loss = criterion.forward(&outputs, &labels);
                if training {
                    loss.backward();
                    optimizer.step();
                }
                running_loss += loss.item() * labels.numel() as f64;
                running_corrects += outputs.argmax_dim(1).eq(&labels).sum().item();
            }
            if training {
                scheduler.step(&mut optimizer);
            }
            let size = data.dataset().len() as f64;
            let accuracy = running_corrects / size;
            println!("{phase} Loss: {:.4} Acc: {accuracy:.4}", running_loss / size);
            if !training && accuracy >= best.0 {
                // A copy: the tensors of the state are the network's own.
                best = (accuracy, model.state_dict().iter().map(|(key, value)| (key, value.copy())).collect());
            }
        }
    }
    let seconds = since.elapsed().as_secs();
    println!("Best val Acc: {:.4}", best.0);
    best.1.save("dogs_vs_cats.safetensors")?;
    println!("Training complete in {}m {}s: dogs_vs_cats.safetensors", seconds / 60, seconds % 60);
    Ok(())
}
