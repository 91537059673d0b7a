//! Figures of data and training, written as PNG files: scatter and line charts, training curves, confusion matrices, pictures with captions.
//!
//! Requires the feature `plot`. Everything is drawn by the library itself with an embedded font, so that a figure looks
//! the same on every machine.
//!
//! ```no_run
//! use rushlight::plot::Chart;
//!
//! let x = [1.0, 2.0, 3.0, 4.0];
//! let y = [1.1, 1.9, 3.2, 3.9];
//! Chart::new("A line through four points")
//!     .x_label("x")
//!     .y_label("y")
//!     .scatter("Original data", &x, &y)
//!     .line("Fitted line", &x, &x)
//!     .save("fit.png")?;
//! # Ok::<(), rushlight::Error>(())
//! ```

mod canvas;
mod chart;
mod confusion;
mod pictures;
mod scale;

use crate::{Result, io};
use std::io::Write;
use std::path::Path;

pub use chart::{Chart, Panels};
pub use confusion::ConfusionMatrix;
pub use pictures::PictureGrid;

/// An opaque color.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color {
    /// Red, 0 to 255.
    pub red: u8,
    /// Green, 0 to 255.
    pub green: u8,
    /// Blue, 0 to 255.
    pub blue: u8,
}

impl Color {
    /// The first color of lines.
    pub const BLUE: Color = Color::hex(0x2563EB);
    /// The first color of dots.
    pub const RED: Color = Color::hex(0xDC2626);
    /// Orange.
    pub const ORANGE: Color = Color::hex(0xF97316);
    /// Green.
    pub const GREEN: Color = Color::hex(0x16A34A);
    /// Violet.
    pub const VIOLET: Color = Color::hex(0x7C3AED);
    /// Teal.
    pub const TEAL: Color = Color::hex(0x0891B2);
    /// Pink.
    pub const PINK: Color = Color::hex(0xDB2777);
    /// Brown.
    pub const BROWN: Color = Color::hex(0x92400E);
    /// Gray.
    pub const GRAY: Color = Color::hex(0x6B7280);
    /// Gold.
    pub const GOLD: Color = Color::hex(0xEAB308);
    /// Lime.
    pub const LIME: Color = Color::hex(0x84CC16);

    const WHITE: Color = Color::hex(0xFFFFFF);
    /// Titles.
    const INK: Color = Color::hex(0x111827);
    /// Labels of axes and ticks.
    const TEXT: Color = Color::hex(0x4B5563);
    const AXIS: Color = Color::hex(0x9CA3AF);
    const GRID: Color = Color::hex(0xE5E7EB);
    /// Behind pictures.
    const GROUND: Color = Color::hex(0xF3F4F6);

    /// Returns the color written `0xRRGGBB`.
    pub const fn hex(rgb: u32) -> Color {
        Color { red: (rgb >> 16) as u8, green: (rgb >> 8) as u8, blue: rgb as u8 }
    }

    /// The color `amount` (0 to 1) of the way from `self` to `other`.
    fn mix(self, other: Color, amount: f32) -> Color {
        let channel = |a: u8, b: u8| (f32::from(a) + (f32::from(b) - f32::from(a)) * amount).round() as u8;
        Color {
            red: channel(self.red, other.red),
            green: channel(self.green, other.green),
            blue: channel(self.blue, other.blue),
        }
    }
}

/// Writes the bytes of a figure.
fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    io::atomic_write(path, |file| file.write_all(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Cursor;

    /// Decodes a figure and counts the pixels of exactly this color.
    fn pixels(png: &[u8], color: Color) -> usize {
        let mut reader = png::Decoder::new(Cursor::new(png)).read_info().unwrap();
        let mut samples = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut samples).unwrap();
        samples.chunks_exact(3).filter(|p| **p == [color.red, color.green, color.blue]).count()
    }

    #[test]
    fn dots_are_red_and_lines_blue() {
        let x = [1.0f32, 2.0, 3.0];
        let dots = Chart::new("dots").scatter("data", &x, &x);
        let png = dots.to_png().unwrap();
        assert!(pixels(&png, Color::RED) > 4 * 100, "three dots and the legend's");
        assert_eq!(pixels(&png, Color::BLUE), 0);
        let png = dots.line("fit", &x, &x).to_png().unwrap();
        assert!(pixels(&png, Color::BLUE) > 1000);
    }

    #[test]
    fn gaps_split_a_line() {
        let x: Vec<f64> = (0..100).map(f64::from).collect();
        let flat = vec![1.0; 100];
        let mut gap = flat.clone();
        gap[25..75].fill(f64::NAN);
        let blue = |y: &[f64]| pixels(&Chart::new("").line("", &x, y).to_png().unwrap(), Color::BLUE);
        let (whole, half) = (blue(&flat), blue(&gap));
        assert!(half * 10 > whole * 4 && half * 10 < whole * 6, "{half} of {whole}");
    }

    #[test]
    fn panels_fill_rows() {
        let size = |columns: Option<usize>| {
            let panels = Panels::new("").add(Chart::new("")).add(Chart::new("")).add(Chart::new(""));
            let panels = columns.map_or(panels.clone(), |columns| panels.columns(columns));
            let png = panels.to_png().unwrap();
            let reader = png::Decoder::new(Cursor::new(png)).read_info().unwrap();
            reader.info().size()
        };
        let ((one_row, low), (two_columns, two_rows), (one_column, three_rows)) =
            (size(None), size(Some(2)), size(Some(1)));
        assert!(one_row > two_columns && two_columns > one_column);
        assert_eq!(three_rows - two_rows, two_rows - low);
        assert_eq!((size(Some(3)), size(Some(0))), (size(None), size(Some(1))));
    }

    #[test]
    fn odd_data_are_drawn_or_refused() {
        Chart::new("nothing").to_png().unwrap();
        Chart::new("no point").line("empty", &[0.0f64; 0], &[0.0f64; 0]).to_png().unwrap();
        Chart::new("∞ 数字 \n").line("\u{0}", &[f64::MAX, f64::NAN], &[f64::MIN, 0.0]).to_png().unwrap();
        let error = Chart::new("").scatter("data", &[1.0, 2.0], &[1.0]).to_png().unwrap_err();
        assert_eq!(error.to_string(), "chart: expected as many y values as x values in series \"data\", got 2 and 1");
        assert!(Panels::new("").to_png().is_err());
        assert!(ConfusionMatrix::new("", [""; 0]).to_png().is_err());
        for n in [1, 2, 45] {
            ConfusionMatrix::new("empty", (0..n).map(|i| i.to_string())).to_png().unwrap();
        }
    }

    #[test]
    fn unwritable_paths_are_named_and_nothing_is_left() {
        let folder = std::env::temp_dir().join(format!("rushlight-plot-{}", std::process::id()));
        fs::create_dir_all(folder.join("taken.png")).unwrap();
        let chart = Chart::new("");
        for path in [folder.join("missing/chart.png"), folder.join("taken.png")] {
            let message = chart.save(&path).unwrap_err().to_string();
            assert!(message.starts_with(&format!("{}: ", path.display())), "{message}");
        }
        chart.save(folder.join("chart.png")).unwrap();
        chart.save(folder.join("chart.png")).unwrap();
        let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["chart.png", "taken.png"]);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn pictures_fill_their_area_and_keep_their_proportions() {
        let blue = |width, height| {
            let rgb = [37, 99, 235].repeat(width * height);
            pixels(&PictureGrid::new("").add((width, height), &rgb, ["name"]).to_png().unwrap(), Color::BLUE)
        };
        // An area is 160 pixels wide, each of which is four on the surface.
        assert_eq!([blue(2, 2), blue(4, 2), blue(1, 640)], [320 * 320, 320 * 160, 320]);
        let error = PictureGrid::new("").try_add((2, 2), &[0; 11], [""; 0]).unwrap_err().to_string();
        assert_eq!(error, "picture grid: expected 3 * 2 * 2 samples and at least one, got 11");
        assert!(PictureGrid::new("").to_png().is_err());
        assert!(PictureGrid::new("").try_add((0, 0), &[], [""; 0]).is_err());
    }

    #[test]
    fn confusion_counts() {
        let mut matrix = ConfusionMatrix::new("", ["a", "b"]);
        for (truth, prediction) in [(0, 0), (0, 1), (1, 1), (1, 1)] {
            matrix.record(truth, prediction);
        }
        assert_eq!([matrix.count(0, 0), matrix.count(0, 1), matrix.count(1, 0), matrix.count(1, 1)], [1, 1, 0, 2]);
        assert_eq!((matrix.total(), matrix.accuracy()), (4, 0.75));
    }
}
