//! Tables in plain text: columns as wide as their widest cell, for a terminal and for a pipe alike.

use crate::failure::Result;
use crate::output::say;
use crate::text::{left, right, width};

/// Rows of cells under headings. The cells are already [`shown`](crate::text::shown).
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

struct Column {
    heading: String,
    numbers: bool,
}

impl Table {
    /// A table without columns.
    pub(crate) fn new() -> Table {
        Table { columns: Vec::new(), rows: Vec::new() }
    }

    /// Adds a column of text, which is aligned at the left.
    pub(crate) fn text(mut self, heading: impl Into<String>) -> Table {
        self.columns.push(Column { heading: heading.into(), numbers: false });
        self
    }

    /// Adds a column of numbers, which is aligned at the right.
    pub(crate) fn number(mut self, heading: impl Into<String>) -> Table {
        self.columns.push(Column { heading: heading.into(), numbers: true });
        self
    }

    /// Adds a row with a cell for each column.
    pub(crate) fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        let cells: Vec<String> = cells.into_iter().map(Into::into).collect();
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(cells);
    }

    /// Prints the table.
    pub(crate) fn print(&self) -> Result<()> {
        self.lines().iter().try_for_each(|line| say(line))
    }

    /// The lines of the table, the headings first.
    fn lines(&self) -> Vec<String> {
        let widest = |i: usize| {
            let cells = self.rows.iter().map(|row| width(&row[i]));
            cells.chain([width(&self.columns[i].heading)]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(widest).collect();
        let line = |cells: &[&str]| {
            let mut line = String::new();
            for ((cell, column), &widest) in cells.iter().zip(&self.columns).zip(&widths) {
                if !line.is_empty() {
                    line.push_str("   ");
                }
                line += &if column.numbers { right(cell, widest) } else { left(cell, widest) };
            }
            line.trim_end().to_owned()
        };
        let headings: Vec<&str> = self.columns.iter().map(|column| column.heading.as_str()).collect();
        let rows = self.rows.iter().map(|row| row.iter().map(String::as_str).collect::<Vec<_>>());
        std::iter::once(headings).chain(rows).map(|cells| line(&cells)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_what_a_terminal_shows() {
        let mut table = Table::new().text("class").number("photos").text("place");
        table.row(["cat", "7", "a"]);
        table.row(["猫猫猫", "1000", ""]);
        assert_eq!(table.lines(), ["class    photos   place", "cat           7   a", "猫猫猫     1000"]);
    }
}
