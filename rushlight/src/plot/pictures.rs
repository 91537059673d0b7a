//! Pictures with captions, in rows.

use super::canvas::{Align, Canvas, Rect, TextStyle};
use super::{Color, write_file};
use crate::{Error, Result};
use rushlight_macros::op;
use std::path::Path;

/// Width and height of the area of a picture, in logical pixels.
const TILE: f32 = 160.0;
/// Between tiles.
const GAP: f32 = 20.0;
/// Height of a line of a caption.
const LINE: f32 = 17.0;
/// The most tiles in a row, unless it is set.
const COLUMNS: usize = 6;

/// Pictures in rows, each with lines of text below it, for example the pictures that a classifier got wrong.
///
/// ```
/// use rushlight::plot::PictureGrid;
/// let red = [255, 0, 0].repeat(4 * 3);
/// let grid = PictureGrid::new("Wrong").add((4, 3), &red, ["cat.1.jpg", "taken for dog"]);
/// assert!(grid.to_png()?.starts_with(b"\x89PNG"));
/// # Ok::<(), rushlight::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PictureGrid {
    title: String,
    tiles: Vec<Tile>,
    columns: Option<usize>,
}

#[derive(Clone, Debug)]
struct Tile {
    size: (usize, usize),
    rgb: Vec<u8>,
    caption: Vec<String>,
}

impl PictureGrid {
    /// Creates an empty figure with a title.
    pub fn new(title: impl Into<String>) -> PictureGrid {
        PictureGrid { title: title.into(), tiles: Vec::new(), columns: None }
    }

    /// Starts a new row after each `columns` pictures, at least 1; by default after 6, or fewer if that fills the rows evenly.
    pub fn columns(mut self, columns: usize) -> PictureGrid {
        self.columns = Some(columns.max(1));
        self
    }

    /// Adds a picture of `size` (width, height), red, green and blue of each pixel from the top left, and the lines below it; the first of them is
    /// emphasized.
    ///
    /// # Errors
    /// If `rgb` does not hold `3 * width * height` values, or the picture is empty.
    #[op]
    pub fn try_add<S: Into<String>>(
        self,
        size: (usize, usize),
        rgb: &[u8],
        caption: impl IntoIterator<Item = S>,
    ) -> Result<PictureGrid> {
        let mut grid = self;
        let needed = size.0.checked_mul(size.1).and_then(|pixels| pixels.checked_mul(3));
        if needed != Some(rgb.len()) || rgb.is_empty() {
            let (width, height) = size;
            let message = format!("expected 3 * {width} * {height} samples and at least one, got {}", rgb.len());
            return Err(Error::value("picture grid", message));
        }
        let caption = caption.into_iter().map(Into::into).collect();
        grid.tiles.push(Tile { size, rgb: rgb.to_vec(), caption });
        Ok(grid)
    }

    /// Returns whether there are no pictures.
    pub fn is_empty(&self) -> bool {
        self.tiles.is_empty()
    }

    /// Returns the figure as a PNG file in memory.
    ///
    /// # Errors
    /// If there are no pictures, or so many that the figure cannot be drawn.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        let count = self.tiles.len();
        if count == 0 {
            return Err(Error::value("picture grid", "expected at least one picture, got none"));
        }
        let columns = self.columns.unwrap_or_else(|| count.div_ceil(count.div_ceil(COLUMNS))).min(count);
        let lines = self.tiles.iter().map(|tile| tile.caption.len()).max().unwrap_or(0);
        let (edge, top) = (24.0, if self.title.is_empty() { 24.0 } else { 62.0 });
        let row = TILE + 10.0 + LINE * lines as f32 + GAP;
        let width = (2.0 * edge + columns as f32 * (TILE + GAP) - GAP).max(380.0);
        let mut canvas = Canvas::new(width, top + count.div_ceil(columns) as f32 * row)?;
        let title = TextStyle::new(17.0, Color::INK).bold();
        canvas.text(&canvas.fit_text(&self.title, width - 2.0 * edge, title), (edge, 31.0), title);
        for (i, tile) in self.tiles.iter().enumerate() {
            let left = edge + (i % columns) as f32 * (TILE + GAP);
            tile.draw(&mut canvas, left, top + (i / columns) as f32 * row);
        }
        Ok(canvas.png())
    }

    /// Writes the figure as a PNG file, replacing a file of this name.
    ///
    /// # Errors
    /// As [`to_png`](Self::to_png), or if the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        write_file(path.as_ref(), &self.to_png()?)
    }
}

impl Tile {
    fn draw(&self, canvas: &mut Canvas, left: f32, top: f32) {
        let area = Rect::new(left, top, left + TILE, top + TILE);
        canvas.fill_rect(area, Color::GROUND);
        canvas.picture(self.size, &self.rgb, area);
        for (i, line) in self.caption.iter().enumerate() {
            let style = TextStyle::new(12.0, if i == 0 { Color::INK } else { Color::TEXT }).align(Align::Left);
            let text = canvas.fit_text(line, TILE, style);
            canvas.text(&text, (left, top + TILE + 16.0 + LINE * i as f32), style);
        }
    }
}
