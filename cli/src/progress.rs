//! Progress bars. They appear on a terminal only; elsewhere nothing but the finished lines is printed.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::{Duration, Instant};

/// How many of a known number of things are done, shown as a bar with the time left. Threads may share it.
pub(crate) struct Counter(ProgressBar);

impl Counter {
    pub(crate) fn start(things: &'static str, count: usize) -> Counter {
        let style = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len}  {per_sec:.0}  {eta} left");
        let style = style.expect("the template is valid").progress_chars("━╸─");
        Counter(ProgressBar::new(count as u64).with_style(style).with_prefix(things))
    }

    pub(crate) fn add(&self, count: usize) {
        self.0.inc(count as u64);
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Running totals over the batches of an epoch, shown as a bar.
pub(crate) struct Progress {
    bar: ProgressBar,
    started: Instant,
    images: usize,
    right: usize,
    /// The sum of the losses of all images.
    loss: f64,
}

impl Progress {
    /// A bar for epoch `epoch` of `epochs` with this many batches.
    pub(crate) fn start(epoch: usize, epochs: usize, batches: usize) -> Self {
        let style = ProgressStyle::with_template("epoch {prefix} {bar:30} {pos}/{len}  {msg}")
            .expect("the template is valid")
            .progress_chars("━╸─");
        let bar = ProgressBar::new(batches as u64).with_style(style).with_prefix(format!("{epoch}/{epochs}"));
        Progress { bar, started: Instant::now(), images: 0, right: 0, loss: 0.0 }
    }

    /// Counts a batch: its mean loss, its number of images and how many of them were classified right.
    pub(crate) fn batch(&mut self, loss: f64, images: usize, right: usize) {
        self.images += images;
        self.right += right;
        self.loss += loss * images as f64;
        if !self.bar.is_hidden() {
            self.bar.set_message(format!(
                "loss {:.4}  accuracy {:.2} %  {:.0} images/s",
                self.loss(),
                100.0 * self.accuracy(),
                self.images_per_second(self.started.elapsed())
            ));
        }
        self.bar.inc(1);
    }

    /// The mean loss so far.
    pub(crate) fn loss(&self) -> f64 {
        self.loss / self.images.max(1) as f64
    }

    /// The share of images classified right so far.
    pub(crate) fn accuracy(&self) -> f64 {
        self.right as f64 / self.images.max(1) as f64
    }

    /// Images per second, had they taken `elapsed`.
    pub(crate) fn images_per_second(&self, elapsed: Duration) -> f64 {
        self.images as f64 / elapsed.as_secs_f64().max(1e-9)
    }

    /// Time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Images so far.
    pub(crate) fn images(&self) -> usize {
        self.images
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
