//! The confusion matrix of a classifier.

use std::path::Path;

use super::canvas::{Align, Canvas, Rect, TextStyle};
use super::{Color, write_file};
use crate::{Error, Result};
use rushlight_macros::op;

/// The strongest color of the scale.
const FULL: Color = Color::hex(0x1E40AF);
/// From this many classes on the cells are too small for numbers.
const MOST_WITH_NUMBERS: usize = 40;

/// Counts of true against predicted classes: row `t`, column `p` holds how often an example of class `t` was predicted as
/// class `p`. Cells are colored by their share of the row, so that rare classes are as readable as frequent ones.
///
/// ```no_run
/// use rushlight::plot::ConfusionMatrix;
///
/// let mut matrix = ConfusionMatrix::new("Cats and dogs", ["cat", "dog"]);
/// for (truth, prediction) in [(0, 0), (0, 0), (0, 1), (1, 1), (1, 1)] {
///     matrix.record(truth, prediction);
/// }
/// assert_eq!(matrix.accuracy(), 0.8);
/// matrix.save("confusion.png")?;
/// # Ok::<(), rushlight::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfusionMatrix {
    title: String,
    classes: Vec<String>,
    /// Row-major, `classes.len()` squared.
    counts: Vec<u64>,
}

impl ConfusionMatrix {
    /// Creates a matrix of zeros over the named classes.
    pub fn new<S: Into<String>>(title: impl Into<String>, classes: impl IntoIterator<Item = S>) -> Self {
        let classes: Vec<String> = classes.into_iter().map(Into::into).collect();
        ConfusionMatrix { title: title.into(), counts: vec![0; classes.len() * classes.len()], classes }
    }

    /// Counts one example.
    ///
    /// # Errors
    /// If the class does not exist.
    #[op]
    pub fn try_record(&mut self, truth: usize, prediction: usize) -> Result<()> {
        let n = self.classes.len();
        if let Some(class) = [truth, prediction].into_iter().find(|&class| class >= n) {
            return Err(Error::index("confusion matrix", format!("expected a class below {n}, got {class}")));
        }
        self.counts[truth * n + prediction] += 1;
        Ok(())
    }

    /// Returns the number of examples of class `truth` predicted as `prediction`; 0 for a class that does not exist.
    pub fn count(&self, truth: usize, prediction: usize) -> u64 {
        let n = self.classes.len();
        if truth < n && prediction < n { self.counts[truth * n + prediction] } else { 0 }
    }

    /// Returns the number of examples.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Returns the share of examples whose class was predicted, 0 if there are none.
    pub fn accuracy(&self) -> f64 {
        let right: u64 = (0..self.classes.len()).map(|i| self.count(i, i)).sum();
        right as f64 / self.total().max(1) as f64
    }

    /// Returns the matrix as a PNG file in memory.
    ///
    /// # Errors
    /// If there are no classes, or more than 1000.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        let n = self.classes.len();
        if n == 0 || n > 1000 {
            return Err(Error::value("confusion matrix", format!("expected 1 to 1000 classes, got {n}")));
        }
        let cell = (440.0 / n as f32).clamp(9.0, 100.0).round();
        let label_size = (0.75 * cell).min(12.5);
        let names = TextStyle::new(label_size, Color::TEXT);
        let probe = Canvas::new(1.0, 1.0)?;
        let labels: Vec<String> = self.classes.iter().map(|name| probe.fit_text(name, 130.0, names)).collect();
        let widest = labels.iter().map(|text| probe.text_width(text, names)).fold(0.0, f32::max);
        let slanted = widest > cell - 6.0;

        let side = cell * n as f32;
        let (left, top) = ((52.0 + widest).round(), 82.0);
        let below = if slanted { 18.0 + widest } else { 26.0 };
        let bar_left = left + side + 24.0;
        let width = (bar_left + 66.0).max(400.0);
        let mut canvas = Canvas::new(width, (top + side + below + 36.0).round())?;

        let title = TextStyle::new(17.0, Color::INK).bold();
        canvas.text(&canvas.fit_text(&self.title, width - 40.0, title), (20.0, 28.0), title);
        let right: u64 = (0..n).map(|i| self.count(i, i)).sum();
        let summary = format!("{right} of {} right: {:.2} %", self.total(), 100.0 * self.accuracy());
        canvas.text(&summary, (20.0, 54.0), TextStyle::new(13.0, Color::TEXT));

        self.draw_cells(&mut canvas, (left, top), cell);
        for (i, text) in labels.iter().enumerate() {
            let middle = (i as f32 + 0.5) * cell;
            canvas.text(text, (left - 8.0, top + middle), names.align(Align::Right));
            if slanted {
                canvas.text(text, (left + middle, top + side + 8.0), names.align(Align::Right).angle(-90.0));
            } else {
                canvas.text(text, (left + middle, top + side + 14.0), names.align(Align::Center));
            }
        }
        let axis = TextStyle::new(13.0, Color::INK).align(Align::Center);
        canvas.text("predicted class", (left + 0.5 * side, top + side + below + 14.0), axis);
        canvas.text("true class", (22.0, top + 0.5 * side), axis.angle(-90.0));
        draw_scale(&mut canvas, Rect::new(bar_left, top, bar_left + 14.0, top + side));
        Ok(canvas.png())
    }

    /// Writes the matrix as a PNG file, replacing a file of this name.
    ///
    /// # Errors
    /// As [`to_png`](Self::to_png), or if the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        write_file(path.as_ref(), &self.to_png()?)
    }

    fn draw_cells(&self, canvas: &mut Canvas, (left, top): (f32, f32), cell: f32) {
        let n = self.classes.len();
        for truth in 0..n {
            let in_row: u64 = (0..n).map(|p| self.count(truth, p)).sum();
            for prediction in 0..n {
                let count = self.count(truth, prediction);
                let share = count as f32 / in_row.max(1) as f32;
                let (x, y) = (left + prediction as f32 * cell, top + truth as f32 * cell);
                canvas.fill_rect(Rect::new(x, y, x + cell, y + cell), shade(share));
                if n < MOST_WITH_NUMBERS && count > 0 {
                    let text = count.to_string();
                    let size = (0.42 * cell).min(15.0).min(1.45 * cell / text.len() as f32);
                    let color = if share > 0.5 { Color::WHITE } else { Color::INK };
                    let style = TextStyle::new(size, color).align(Align::Center);
                    canvas.text(&text, (x + 0.5 * cell, y + 0.5 * cell), style);
                }
            }
        }
        let side = cell * n as f32;
        let fine = if n < MOST_WITH_NUMBERS { Color::GRID } else { Color::WHITE };
        for i in 0..=n {
            let at = i as f32 * cell;
            let color = if i == 0 || i == n { Color::AXIS } else { fine };
            if n < MOST_WITH_NUMBERS || i == 0 || i == n {
                canvas.line((left, top + at), (left + side, top + at), 1.0, color);
                canvas.line((left + at, top), (left + at, top + side), 1.0, color);
            }
        }
    }
}

/// The color of a cell that holds `share` of its row: steeper at the start, so that few mistakes are visible.
fn shade(share: f32) -> Color {
    let amount = if share == 0.0 { 0.0 } else { 0.06 + 0.94 * share.powf(0.7) };
    Color::WHITE.mix(FULL, amount)
}

fn draw_scale(canvas: &mut Canvas, bar: Rect) {
    let rows = (2.0 * bar.height()) as usize;
    let row = bar.height() / rows as f32;
    for i in 0..rows {
        let y = bar.bottom - (i + 1) as f32 * row;
        canvas.fill_rect(Rect::new(bar.left, y, bar.right, y + row), shade((i as f32 + 0.5) / rows as f32));
    }
    let style = TextStyle::new(11.5, Color::TEXT);
    let marks = if bar.height() < 60.0 { &[0, 100][..] } else { &[0, 25, 50, 75, 100] };
    for &percent in marks {
        let y = (bar.bottom - bar.height() * percent as f32 / 100.0).round();
        canvas.line((bar.right, y), (bar.right + 4.0, y), 1.0, Color::AXIS);
        canvas.text(&format!("{percent} %"), (bar.right + 7.0, y), style);
    }
}
