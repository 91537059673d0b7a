//! The numbers of each epoch: a table while the run goes on, a CSV file and curves.

use rushlight::io::atomic_write;
use rushlight::plot::{Chart, Panels};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

/// What the pictures that are not trained on are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeldOut {
    /// The test part of a known data set.
    Test,
    /// The part split off by the program, or the user's.
    Validation,
}

impl HeldOut {
    /// In headings and sentences.
    pub(crate) fn name(self) -> &'static str {
        match self {
            HeldOut::Test => "test",
            HeldOut::Validation => "validation",
        }
    }

    /// Above figures.
    pub(crate) fn title(self) -> &'static str {
        match self {
            HeldOut::Test => "Test images",
            HeldOut::Validation => "Validation images",
        }
    }

    /// Where there is room for five letters.
    fn short(self) -> &'static str {
        match self {
            HeldOut::Test => "test",
            HeldOut::Validation => "valid",
        }
    }

    /// The heading of the table whose rows are [`Epoch::row`].
    pub(crate) fn heading(self) -> String {
        let (loss, accuracy) = (format!("{} loss", self.short()), format!("{} acc", self.short()));
        format!("epoch   train loss   train acc   {loss:>10}   {accuracy:>9}   images/s     time")
    }
}

/// The numbers of one epoch. Accuracies are shares, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Epoch {
    pub number: usize,
    pub train_loss: f64,
    pub train_accuracy: f64,
    pub held_out_loss: f64,
    pub held_out_accuracy: f64,
    /// Training images per second of training time.
    pub images_per_second: f64,
    /// The learning rate of the last step.
    pub lr: f64,
    /// Time of training and evaluation together.
    pub seconds: f64,
}

impl Epoch {
    /// The epoch as a row of the table.
    pub(crate) fn row(&self) -> String {
        format!(
            "{:>5}   {:>10.4}   {:>7.2} %   {:>10.4}   {:>7.2} %   {:>8.0}   {:>4.1} s",
            self.number,
            self.train_loss,
            100.0 * self.train_accuracy,
            self.held_out_loss,
            100.0 * self.held_out_accuracy,
            self.images_per_second,
            self.seconds
        )
    }
}

/// Writes all epochs as CSV with a heading.
pub(crate) fn save_metrics(held_out: HeldOut, epochs: &[Epoch], path: &Path) -> rushlight::Result<()> {
    atomic_write(path, |file| file.write_all(csv(held_out, epochs).as_bytes()))
}

fn csv(held_out: HeldOut, epochs: &[Epoch]) -> String {
    let name = held_out.name();
    let mut text =
        format!("epoch,train_loss,train_accuracy,{name}_loss,{name}_accuracy,lr,images_per_second,seconds\n");
    for e in epochs {
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{},{},{},{},{},{},{:.1},{:.3}",
            e.number,
            e.train_loss,
            e.train_accuracy,
            e.held_out_loss,
            e.held_out_accuracy,
            e.lr,
            e.images_per_second,
            e.seconds
        );
    }
    text
}

/// Loss and accuracy over the epochs as a PNG file.
pub(super) fn curves(title: &str, held_out: HeldOut, epochs: &[Epoch]) -> rushlight::Result<Vec<u8>> {
    let number: Vec<f64> = epochs.iter().map(|e| e.number as f64).collect();
    let column = |value: fn(&Epoch) -> f64| epochs.iter().map(value).collect::<Vec<_>>();
    let loss = Chart::new("Loss")
        .x_label("epoch")
        .y_label("cross entropy")
        .include_y(0.0)
        .line("train", &number, &column(|e| e.train_loss))
        .line(held_out.name(), &number, &column(|e| e.held_out_loss));
    let accuracy = Chart::new("Accuracy")
        .x_label("epoch")
        .y_label("right (%)")
        .line("train", &number, &column(|e| 100.0 * e.train_accuracy))
        .line(held_out.name(), &number, &column(|e| 100.0 * e.held_out_accuracy));
    Panels::new(title).add(loss).add(accuracy).to_png()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: Epoch = Epoch {
        number: 3,
        train_loss: 0.25,
        train_accuracy: 0.925,
        held_out_loss: 0.125,
        held_out_accuracy: 1.0,
        lr: 0.001,
        images_per_second: 12_345.6,
        seconds: 0.5,
    };

    #[test]
    fn rows_stand_under_the_heading() {
        let row = EPOCH.row();
        assert_eq!(row, "    3       0.2500     92.50 %       0.1250    100.00 %      12346    0.5 s");
        for held_out in [HeldOut::Test, HeldOut::Validation] {
            assert_eq!(row.len(), held_out.heading().len());
        }
    }

    #[test]
    fn csv_has_a_line_for_each_epoch() {
        let text = csv(HeldOut::Validation, &[EPOCH, Epoch { number: 4, ..EPOCH }]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[0].contains(",validation_loss,validation_accuracy,"));
        assert_eq!(lines[1], "3,0.25,0.925,0.125,1,0.001,12345.6,0.500");
        assert!(lines.iter().all(|line| line.split(',').count() == 8));
    }
}
