//! The loop of training: steps, evaluation, and the state that a later run continues from.

use super::schedules::Schedule;
use super::task::{Batch, HeldOutBatch, Task};
use crate::failure::{Failure, Result};
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::report::{Epoch, Prediction};
use rushlight::nn::{self, Module, Parameter, StateDict};
use rushlight::optim::Optimizer;
use rushlight::vision::models::ImageModel;
use rushlight::{Tensor, no_grad};
use std::time::Instant;

/// A network in training.
pub(super) struct Training {
    pub net: Box<dyn ImageModel>,
    pub task: Box<dyn Task>,
    optimizer: Box<dyn Optimizer>,
    schedule: Schedule,
    epochs: usize,
    /// Steps made in all epochs.
    steps: usize,
}

/// Why an epoch did not end, or what it came to.
pub(super) enum Outcome {
    Finished(Epoch, Vec<Prediction>),
    Interrupted,
    /// The loss became infinite or NaN: in which step, and a tensor that tells why.
    Diverged {
        step: usize,
        cause: String,
    },
}

/// Why a step did not end.
enum Stop {
    Failed(rushlight::Error),
    Diverged(String),
}

impl From<rushlight::Error> for Stop {
    fn from(error: rushlight::Error) -> Stop {
        Stop::Failed(error)
    }
}

/// The parameters that are trained.
pub(super) fn trained(net: &dyn ImageModel) -> Vec<Parameter> {
    net.parameters().into_iter().filter(Parameter::requires_grad).collect()
}

impl Training {
    pub(super) fn new(
        net: Box<dyn ImageModel>,
        task: Box<dyn Task>,
        optimizer: Box<dyn Optimizer>,
        schedule: Schedule,
        epochs: usize,
    ) -> Training {
        Training { net, task, optimizer, schedule, epochs, steps: 0 }
    }

    /// Trains for one epoch and evaluates.
    pub(super) fn epoch(&mut self, number: usize, interrupt: &Interrupt) -> Result<Outcome> {
        let mut progress = Progress::start(number, self.epochs, self.task.steps());
        let Training { net, task, optimizer, schedule, .. } = self;
        train_mode(&**net);
        let mut lr = optimizer.lr();
        for batch in task.train() {
            let Batch { x, targets } = batch?;
            if interrupt.requested() {
                return Ok(Outcome::Interrupted);
            }
            lr = optimizer.lr();
            self.steps += 1;
            let step = step(&**net, &**task, &mut **optimizer, &x, &targets);
            let (loss, right) = match step {
                Ok(done) => done,
                Err(Stop::Failed(error)) => return Err(error.into()),
                Err(Stop::Diverged(cause)) => return Ok(Outcome::Diverged { step: self.steps, cause }),
            };
            schedule.step(&mut **optimizer)?;
            progress.batch(loss, x.shape()[0], right);
        }
        if progress.images() == 0 {
            return Err(Failure::new("expected training pictures that can be read, got none"));
        }
        let (trained, evaluated) = (progress.elapsed(), Instant::now());
        let Some((loss, predictions)) = self.evaluate(interrupt)? else { return Ok(Outcome::Interrupted) };
        if !loss.is_finite() {
            return Ok(Outcome::Diverged { step: self.steps, cause: culprit(&*self.net) });
        }
        self.schedule.epoch(&mut *self.optimizer, loss)?;
        let right = predictions.iter().filter(|prediction| prediction.class() == prediction.truth).count();
        let epoch = Epoch {
            number,
            train_loss: progress.loss(),
            train_accuracy: progress.accuracy(),
            held_out_loss: loss,
            held_out_accuracy: right as f64 / predictions.len() as f64,
            lr,
            images_per_second: progress.images_per_second(trained),
            seconds: (trained + evaluated.elapsed()).as_secs_f64(),
        };
        Ok(Outcome::Finished(epoch, predictions))
    }

    /// The mean loss of the held-out pictures, and the probabilities of their classes; nothing if the user asked to stop.
    pub(super) fn evaluate(&self, interrupt: &Interrupt) -> Result<Option<(f64, Vec<Prediction>)>> {
        self.net.eval();
        let (mut sum, mut predictions) = (0.0, Vec::new());
        for batch in self.task.held_out() {
            let HeldOutBatch { x, labels, pictures } = batch?;
            if interrupt.requested() {
                return Ok(None);
            }
            let logits = no_grad(|| self.task.logits(&*self.net, &x))?;
            sum += loss(&logits, &labels)?.try_item()? * x.shape()[0] as f64;
            let probabilities = logits.try_softmax(1)?.try_to_vec::<f32>()?;
            let rows = probabilities.chunks_exact(logits.shape()[1]);
            let labels = labels.try_to_vec::<i64>()?;
            predictions.extend(pictures.into_iter().zip(labels).zip(rows).map(|((picture, truth), row)| Prediction {
                picture,
                truth: truth as usize,
                probabilities: row.to_vec(),
            }));
        }
        if predictions.is_empty() {
            return Err(Failure::new("expected pictures to evaluate on that can be read, got none"));
        }
        Ok(Some((sum / predictions.len() as f64, predictions)))
    }

    /// Everything that the next epoch depends on and that changes: the trained parts of the network, the optimizer, the schedule.
    pub(super) fn state(&self) -> StateDict {
        let mut state = StateDict::new();
        let parts = [
            ("model", changing(&*self.net)),
            ("optimizer", self.optimizer.state_dict()),
            ("schedule", self.schedule.state_dict()),
        ];
        for (part, tensors) in parts {
            state.extend(tensors.into_iter().map(|(key, tensor)| (format!("{part}.{key}"), tensor)));
        }
        state
    }

    /// Continues from a [`state`](Training::state) after so many epochs and steps.
    pub(super) fn restore(&mut self, state: &StateDict, steps: usize) -> Result<()> {
        let part = |name: &str| -> StateDict {
            let keyed =
                state.iter().filter_map(|(key, tensor)| Some((key.strip_prefix(name)?.strip_prefix('.')?, tensor)));
            keyed.map(|(key, tensor)| (key, tensor.clone())).collect()
        };
        let mut model = self.net.state_dict();
        model.extend(part("model"));
        self.net.try_load_state_dict(&model)?;
        self.schedule.load_state_dict(&part("schedule"))?;
        // The learning rates are part of the optimizer's state.
        self.optimizer.try_load_state_dict(&part("optimizer"))?;
        self.steps = steps;
        Ok(())
    }

    pub(super) fn steps(&self) -> usize {
        self.steps
    }
}

/// The tensors of a network that training does not change.
pub(super) fn frozen(net: &dyn ImageModel) -> StateDict {
    let changing = changing(net);
    net.state_dict().into_iter().filter(|(key, _)| changing.get(key).is_none()).collect()
}

/// The tensors of a network that training changes: all of its stages that are not frozen.
fn changing(net: &dyn ImageModel) -> StateDict {
    let frozen = frozen_modules(net);
    let is_frozen =
        |key: &str| frozen.iter().any(|path| key.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('.')));
    net.state_dict().into_iter().filter(|(key, _)| !is_frozen(key)).collect()
}

/// The paths of the modules all of whose parameters are frozen.
fn frozen_modules(net: &dyn ImageModel) -> Vec<String> {
    let frozen = |module: &dyn Module| {
        let parameters = module.parameters();
        !parameters.is_empty() && !parameters.iter().any(Parameter::requires_grad)
    };
    net.named_modules().into_iter().filter(|(_, module)| frozen(*module)).map(|(path, _)| path).collect()
}

/// Training mode, except for what is frozen: its batch normalizations keep their statistics.
fn train_mode(net: &dyn ImageModel) {
    net.train(true);
    let frozen = frozen_modules(net);
    let modules = net.named_modules().into_iter().filter(|(path, _)| frozen.contains(path));
    modules.for_each(|(_, module)| module.train(false));
}

/// One step; returns the loss and how many were classified right.
fn step(
    net: &dyn ImageModel,
    task: &dyn Task,
    optimizer: &mut dyn Optimizer,
    x: &Tensor,
    targets: &Tensor,
) -> std::result::Result<(f64, usize), Stop> {
    // Of the first evaluation; L-BFGS makes more of them.
    let mut first = None;
    let mut diverged = false;
    let result = optimizer.try_step_with(&mut || {
        let logits = task.logits(net, x)?;
        let loss = loss(&logits, targets)?;
        diverged = !loss.try_item()?.is_finite();
        net.zero_grad();
        if !diverged {
            loss.try_backward()?;
        }
        first.get_or_insert_with(|| logits.detach());
        Ok(loss)
    });
    let loss = result?.try_item()?;
    if diverged || !loss.is_finite() {
        return Err(Stop::Diverged(culprit(net)));
    }
    Ok((loss, first.map_or(Ok(0), |logits| right(&logits, targets))?))
}

/// The parameter that tells why a loss is no finite number.
#[cold]
fn culprit(net: &dyn ImageModel) -> String {
    let mut largest = (0.0, String::new());
    for (name, parameter) in net.named_parameters() {
        let values =
            parameter.get().detach().try_to_dtype(rushlight::DType::F32).and_then(|values| values.try_to_vec::<f32>());
        for value in values.unwrap_or_default() {
            if !value.is_finite() {
                return format!("{name} has elements that are infinite or NaN");
            }
            if value.abs() > largest.0 {
                largest = (value.abs(), name.clone());
            }
        }
    }
    format!("the largest of the parameters, which are all finite, is in {}: {:e}", largest.1, largest.0)
}

/// The number of rows of logits whose largest element is at the target.
fn right(logits: &Tensor, targets: &Tensor) -> rushlight::Result<usize> {
    let labels = if targets.dim() == 2 { &targets.try_argmax_dim(1)? } else { targets };
    let right = logits.try_argmax_dim(1)?.try_eq(labels)?.try_to_vec::<bool>()?;
    Ok(right.into_iter().filter(|&right| right).count())
}

/// The loss of a batch: cross entropy.
fn loss(logits: &Tensor, targets: &Tensor) -> rushlight::Result<Tensor> {
    nn::CrossEntropyLoss::new().try_forward(logits, targets)
}
