//! A run from its plan to its report, and what is kept on the way.

use super::checkpoint::{CHECKPOINT, Checkpoint, checksum, restore_generator};
use super::engine::{Outcome, Training, frozen, trained};
use super::plan::Plan;
use super::prepare::{Prepared, prepare};
use super::schedules::Schedule;
use crate::failure::{Failure, Result};
use crate::interrupt::Interrupt;
use crate::model::{About, Preprocessing, save};
use crate::output::say;
use crate::report::events::EventFile;
use crate::report::{Epoch, Evaluation, HeldOut, Prediction, RunReport, save_metrics};
use crate::run_folder::{METRICS, MODEL, RunFolder};
use crate::text::{shown, shown_path};
use rushlight::io::safetensors;
use rushlight::nn::StateDict;
use std::time::Instant;

/// Carries out a plan in a folder, from the beginning or from the last checkpoint of the same run.
pub(crate) fn train(plan: &Plan, folder: &RunFolder, workers: usize, interrupt: &Interrupt) -> Result<()> {
    rushlight::manual_seed(plan.settings.seed);
    let nothing = || Failure::interrupted("interrupted before the first epoch: nothing was kept");
    let Some(prepared) = prepare(plan, workers, interrupt)? else { return Err(nothing()) };
    let mut run = Run::new(plan, folder, prepared)?;
    run.resume()?;
    let stopped = run.epochs(interrupt)?;
    let finished = run.finish(interrupt);
    // What stopped the training matters more than a figure that could not be drawn after it.
    stopped.map_or(finished, Err)
}

struct Run<'a> {
    plan: &'a Plan,
    folder: &'a RunFolder,
    training: Training,
    preprocessing: Preprocessing,
    /// The checksum of the weights that are not trained.
    frozen: u32,
    report: RunReport,
    /// What the best model says about the held-out pictures, if it was evaluated by this process.
    best: Option<Vec<Prediction>>,
    events: Option<EventFile>,
}

impl<'a> Run<'a> {
    fn new(plan: &'a Plan, folder: &'a RunFolder, prepared: Prepared) -> Result<Run<'a>> {
        let Prepared { net, task, preprocessing, classes, held_out, phases } = prepared;
        let settings = &plan.settings;
        let mut optimizer = settings.optimizer.build(trained(&*net), settings.lr)?;
        let schedule = Schedule::new(settings.schedule, &mut *optimizer, settings.epochs, task.steps())?;
        let frozen = checksum(frozen(&*net).iter())?;
        let report = RunReport {
            title: plan.title.clone(),
            settings: settings.rows(),
            evaluation: Evaluation {
                classes: classes.iter().map(|class| class.name.clone()).collect(),
                predictions: Vec::new(),
            },
            classes,
            held_out,
            epochs: Vec::new(),
            best: 0,
            phases,
            skipped: Vec::new(),
        };
        let training = Training::new(net, task, optimizer, schedule, settings.epochs);
        Ok(Run { plan, folder, training, preprocessing, frozen, report, best: None, events: None })
    }

    /// Continues from the checkpoint of this run, if there is one.
    fn resume(&mut self) -> Result<()> {
        let path = self.folder.file(CHECKPOINT);
        let Some((checkpoint, state)) = Checkpoint::load(&path, self.plan.run)? else { return Ok(()) };
        let wrong = |why: String| Failure::new(why).in_file(&path);
        if checkpoint.frozen != self.frozen {
            let why = "expected the weights that the run began with, got others in those parts that are not trained";
            return Err(wrong(why.into()));
        }
        self.training.restore(&state, checkpoint.steps).map_err(|error| error.in_file(&path))?;
        restore_generator(&state).map_err(wrong)?;
        self.report.epochs = checkpoint.epochs;
        self.report.best = checkpoint.best;
        let last = self.report.epochs.len();
        // The run may have been killed between the checkpoint and what follows from it.
        if self.report.best == last {
            self.save_model()?;
        }
        self.save_metrics()?;
        self.events = Some(EventFile::resume(self.folder.path(), last)?);
        say(&format!("continued after epoch {last}"))
    }

    /// Trains epoch by epoch, and returns what stopped it before the end. An error means that the results could not be written.
    fn epochs(&mut self, interrupt: &Interrupt) -> Result<Option<Failure>> {
        let started = Instant::now();
        let first = self.report.epochs.len() + 1;
        if first <= self.plan.settings.epochs && !self.has_waited() {
            say(&format!("\n{}", self.report.held_out.heading()))?;
        }
        for number in first..=self.plan.settings.epochs {
            if self.has_waited() {
                break;
            }
            match self.training.epoch(number, interrupt) {
                Ok(Outcome::Finished(epoch, predictions)) => self.keep(epoch, predictions)?,
                Ok(Outcome::Interrupted) => return Ok(Some(Failure::interrupted(self.stopped("interrupted", number)))),
                Err(failure) => return Ok(Some(Failure::new(self.stopped(&failure.to_string(), number)))),
                Ok(Outcome::Diverged { step, cause }) => {
                    let why =
                        format!("the loss is no longer a finite number in step {step}: {cause} (a lower --lr helps)");
                    return Ok(Some(Failure::new(self.stopped(&why, number))));
                }
            }
        }
        let elapsed = started.elapsed();
        self.report.phases.push(("training", elapsed));
        if self.has_waited() && self.report.epochs.len() < self.plan.settings.epochs {
            say(&format!(
                "\nstopped early: no better epoch than {} for {}",
                self.report.best,
                self.patience_in_words()
            ))?;
        }
        say(&format!("\ntrained in {:.1} s", elapsed.as_secs_f64()))?;
        Ok(None)
    }

    /// Whether the best epoch is as far back as the user's patience reaches.
    fn has_waited(&self) -> bool {
        self.plan.settings.patience.is_some_and(|patience| self.report.epochs.len() >= self.report.best + patience)
    }

    fn patience_in_words(&self) -> String {
        match self.plan.settings.patience {
            Some(1) => "1 epoch".into(),
            patience => format!("{} epochs", patience.unwrap_or(0)),
        }
    }

    /// Writes what there is after a finished epoch, so that nothing of it can be lost: the checkpoint first, from which the rest can be
    /// written again.
    fn keep(&mut self, epoch: Epoch, predictions: Vec<Prediction>) -> Result<()> {
        if self.report.epochs.is_empty() {
            self.folder.clear()?;
            self.events = Some(EventFile::create(self.folder.path())?);
        }
        let best = match self.report.best_epoch() {
            None => true,
            // A test is no means to choose an epoch.
            Some(_) if self.report.held_out == HeldOut::Test => true,
            Some(best) => {
                let rank = |epoch: &Epoch| (epoch.held_out_accuracy, -epoch.held_out_loss);
                rank(&epoch) > rank(best)
            }
        };
        let number = epoch.number;
        self.report.epochs.push(epoch);
        if best {
            self.report.best = number;
            self.best = Some(predictions);
        }
        let checkpoint = Checkpoint {
            run: self.plan.run,
            steps: self.training.steps(),
            epochs: self.report.epochs.clone(),
            best: self.report.best,
            frozen: self.frozen,
        };
        checkpoint.save(&self.folder.file(CHECKPOINT), self.training.state())?;
        if best {
            self.save_model()?;
        }
        self.save_metrics()?;
        let held_out = self.report.held_out.name();
        let tag = |quantity: &str| format!("{quantity}/{held_out}");
        let values = [
            ("loss/train", epoch.train_loss),
            (&tag("loss"), epoch.held_out_loss),
            ("accuracy/train", epoch.train_accuracy),
            (&tag("accuracy"), epoch.held_out_accuracy),
            ("lr", epoch.lr),
        ];
        if let Some(events) = &mut self.events {
            events.scalars(number, &values)?;
        }
        say(&epoch.row())
    }

    fn save_model(&self) -> Result<()> {
        let about = About {
            architecture: &self.plan.settings.model,
            classes: &self.report.evaluation.classes,
            preprocessing: &self.preprocessing,
            epoch: self.report.best,
        };
        save(&self.folder.file(MODEL), &self.training.net.state_dict(), &about)
    }

    fn save_metrics(&self) -> Result<()> {
        Ok(save_metrics(self.report.held_out, &self.report.epochs, &self.folder.file(METRICS))?)
    }

    fn stopped(&self, why: &str, number: usize) -> String {
        match self.report.best_epoch() {
            None => format!("{why} in epoch {number}: no epoch was finished, nothing was kept"),
            Some(best) => {
                format!("{why} in epoch {number}: epoch {} is kept in {}", best.number, self.folder.path().display())
            }
        }
    }

    /// Draws the figures and reports the best epoch.
    fn finish(&mut self, interrupt: &Interrupt) -> Result<()> {
        let Some(epoch) = self.report.best_epoch().copied() else { return Ok(()) };
        self.report.skipped = self.training.task.skipped();
        let predictions = match self.best.take() {
            Some(predictions) => predictions,
            None => match self.evaluate_best(interrupt)? {
                Some(predictions) => predictions,
                None => return Ok(()),
            },
        };
        self.report.evaluation.predictions = predictions;
        let written = self.report.save(self.folder, self.events.as_mut())?;
        if !self.report.skipped.is_empty() {
            say(&format!("{} pictures could not be read and were left out:", self.report.skipped.len()))?;
            self.report.skipped.iter().try_for_each(|(_, reason)| say(&format!("  {}", shown(reason))))?;
        }
        let name = self.report.held_out.name();
        let of =
            if epoch.number == self.report.epochs.len() { String::new() } else { format!(" (epoch {})", epoch.number) };
        say(&format!(
            "{name} accuracy {:.2} %, {name} loss {:.8}, training loss {:.8}{of}",
            100.0 * epoch.held_out_accuracy,
            epoch.held_out_loss,
            epoch.train_loss
        ))?;
        say(&format!("written to {}: {MODEL}, {}", shown_path(self.folder.path()), written.join(", ")))
    }

    /// What the best model of a run that was continued says; nothing if the user asked to stop.
    fn evaluate_best(&self, interrupt: &Interrupt) -> Result<Option<Vec<Prediction>>> {
        let (tensors, _) = safetensors::load(self.folder.file(MODEL))?;
        let state: StateDict = tensors.into_iter().collect();
        self.training.net.try_load_state_dict(&state)?;
        Ok(self.training.evaluate(interrupt)?.map(|(_, predictions)| predictions))
    }
}
