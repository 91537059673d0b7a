//! What a training run reports: a table while it runs, a CSV file and figures at the end.

use rushlight::io::atomic_write;
use rushlight::plot::{Chart, Panels};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

/// The numbers of one epoch. Accuracies are shares, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Epoch {
    pub number: usize,
    pub train_loss: f64,
    pub train_accuracy: f64,
    pub test_loss: f64,
    pub test_accuracy: f64,
    /// Training images per second of training time.
    pub images_per_second: f64,
    /// Time of training and test together.
    pub seconds: f64,
}

/// The heading of the table whose rows are [`Epoch::row`].
pub(crate) const HEADING: &str = "epoch   train loss   train acc   test loss   test acc   images/s     time";

impl Epoch {
    /// The epoch as a row of the table.
    pub(crate) fn row(&self) -> String {
        format!(
            "{:>5}   {:>10.4}   {:>7.2} %   {:>9.4}   {:>6.2} %   {:>8.0}   {:>4.1} s",
            self.number,
            self.train_loss,
            100.0 * self.train_accuracy,
            self.test_loss,
            100.0 * self.test_accuracy,
            self.images_per_second,
            self.seconds
        )
    }
}

/// Writes all epochs as CSV with a heading.
pub(crate) fn save_csv(epochs: &[Epoch], path: &Path) -> rushlight::Result<()> {
    atomic_write(path, |file| file.write_all(csv(epochs).as_bytes()))
}

fn csv(epochs: &[Epoch]) -> String {
    let mut text = "epoch,train_loss,train_accuracy,test_loss,test_accuracy,images_per_second,seconds\n".to_owned();
    for e in epochs {
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{},{},{},{},{},{:.1},{:.3}",
            e.number, e.train_loss, e.train_accuracy, e.test_loss, e.test_accuracy, e.images_per_second, e.seconds
        );
    }
    text
}

/// Draws loss and accuracy over the epochs.
pub(crate) fn save_curves(title: &str, epochs: &[Epoch], path: &Path) -> rushlight::Result<()> {
    let number: Vec<f64> = epochs.iter().map(|e| e.number as f64).collect();
    let column = |value: fn(&Epoch) -> f64| epochs.iter().map(value).collect::<Vec<_>>();
    let loss = Chart::new("Loss")
        .x_label("epoch")
        .y_label("cross entropy")
        .include_y(0.0)
        .line("train", &number, &column(|e| e.train_loss))
        .line("test", &number, &column(|e| e.test_loss));
    let accuracy = Chart::new("Accuracy")
        .x_label("epoch")
        .y_label("right (%)")
        .line("train", &number, &column(|e| 100.0 * e.train_accuracy))
        .line("test", &number, &column(|e| 100.0 * e.test_accuracy));
    Panels::new(title).add(loss).add(accuracy).save(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: Epoch = Epoch {
        number: 3,
        train_loss: 0.25,
        train_accuracy: 0.925,
        test_loss: 0.125,
        test_accuracy: 1.0,
        images_per_second: 12_345.6,
        seconds: 0.5,
    };

    #[test]
    fn rows_stand_under_the_heading() {
        let row = EPOCH.row();
        assert_eq!(row, "    3       0.2500     92.50 %      0.1250   100.00 %      12346    0.5 s");
        assert_eq!(row.len(), HEADING.len());
    }

    #[test]
    fn csv_has_a_line_for_each_epoch() {
        let text = csv(&[EPOCH, Epoch { number: 4, ..EPOCH }]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[1], "3,0.25,0.925,0.125,1,12345.6,0.500");
        assert!(lines.iter().all(|line| line.split(',').count() == 7));
    }
}
