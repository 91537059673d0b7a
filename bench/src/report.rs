//! The result table, for the terminal or as Markdown.

use std::io::{self, Write};

use crate::machine::Machine;
use crate::measure::median;
use crate::run::Outcome;
use crate::workloads::Workload;

/// Prints rows as they become available.
pub(crate) struct Table {
    markdown: bool,
    with_torch: bool,
    notes: Vec<String>,
}

const WIDTHS: [usize; 6] = [34, 10, 12, 38, 22, 12];

impl Table {
    /// A table for the terminal or for a Markdown page; without PyTorch's columns if it was not run.
    pub(crate) fn new(markdown: bool, with_torch: bool) -> Table {
        Table { markdown, with_torch, notes: Vec::new() }
    }

    /// Prints the header.
    pub(crate) fn header(&self) -> io::Result<()> {
        let titles =
            ["workload", "Rushlight", "as installed", "PyTorch's best setting", "ratio (lowest–highest)", "of peak"];
        self.print(titles.map(String::from))?;
        if self.markdown {
            self.print(["---", "---:", "---:", "---:", "---:", "---:"].map(String::from))?;
        }
        Ok(())
    }

    /// Prints one workload.
    pub(crate) fn row(&mut self, workload: &Workload, outcome: &Outcome, machine: &Machine) -> io::Result<()> {
        let seconds = median(&outcome.seconds);
        let peak = machine.share(workload.cost, seconds);
        let peak = peak.map_or("–".into(), |(share, what)| format!("{:.0} % {what}", share * 100.0));
        let name = if self.markdown { workload.title } else { workload.name };
        let (mut installed, mut best_text, mut ratio_text) = ("–".to_owned(), "–".to_owned(), "–".to_owned());
        if let (Some(first), Some(best)) = (outcome.torch.first(), outcome.best()) {
            installed = duration(median(&first.seconds));
            best_text = format!("{} ({})", duration(median(&best.seconds)), best.name);
            let r = outcome.ratio(best);
            ratio_text = format!("{:.2} ({:.2}–{:.2})", r.median, r.low, r.high);
            if let (true, Some(ours), Some(theirs)) = (workload.memory, outcome.peak_memory, first.peak_memory) {
                self.notes.push(format!(
                    "{name}: peak memory {} here, {} in PyTorch as installed",
                    bytes(ours),
                    bytes(theirs)
                ));
            }
        }
        if let Some((ours, theirs)) = outcome.disagreement {
            ratio_text = "differs!".into();
            self.notes.push(format!("{name}: the first step gave {ours} here and {theirs} in PyTorch"));
        }
        self.print([name.into(), duration(seconds), installed, best_text, ratio_text, peak])
    }

    /// Prints the notes that do not fit into rows.
    pub(crate) fn footer(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if !self.notes.is_empty() {
            writeln!(out)?;
        }
        self.notes.iter().try_for_each(|note| writeln!(out, "{note}"))
    }

    /// Rows are printed one by one over minutes; a closed pipe is an error, not a panic.
    fn print(&self, cells: [String; 6]) -> io::Result<()> {
        writeln!(io::stdout().lock(), "{}", self.line(cells))
    }

    fn line(&self, cells: [String; 6]) -> String {
        let shown = cells.iter().zip(WIDTHS).enumerate().filter(|(i, _)| self.with_torch || !(2..=4).contains(i));
        if self.markdown {
            let cells: Vec<&str> = shown.map(|(_, (cell, _))| cell.as_str()).collect();
            return format!("| {} |", cells.join(" | "));
        }
        let padded =
            shown.map(|(i, (cell, width))| if i == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") });
        padded.collect::<Vec<_>>().join(" ").trim_end().to_owned()
    }
}

/// Three significant digits in a suitable unit.
pub(crate) fn duration(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s >= 1.0 => (s, "s"),
        s if s >= 1e-3 => (s * 1e3, "ms"),
        s if s >= 1e-6 => (s * 1e6, "µs"),
        s => (s * 1e9, "ns"),
    };
    let decimals = if value < 10.0 {
        2
    } else if value < 100.0 {
        1
    } else {
        0
    };
    format!("{value:.decimals$} {unit}")
}

fn bytes(n: f64) -> String {
    format!("{:.0} MB", n / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let shown = [0.5e-7, 1.234e-6, 12.34e-3, 0.1234, 2.5].map(duration);
        assert_eq!(shown, ["50.0 ns", "1.23 µs", "12.3 ms", "123 ms", "2.50 s"]);
    }

    #[test]
    fn lines() {
        let cells = || ["a", "b", "c", "d", "e", "f"].map(String::from);
        assert_eq!(Table::new(true, true).line(cells()), "| a | b | c | d | e | f |");
        assert_eq!(Table::new(true, false).line(cells()), "| a | b | f |");
        assert!(Table::new(false, true).line(cells()).starts_with("a       "));
    }
}
