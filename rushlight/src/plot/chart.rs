//! Charts with two numeric axes, alone or side by side.

use std::path::Path;

use super::canvas::{Align, Canvas, Rect, TextStyle};
use super::scale::{Scale, drawable};
use super::{Color, write_file};
use crate::{Error, Result};

const LINE_COLORS: [Color; 11] = [
    Color::BLUE,
    Color::ORANGE,
    Color::GREEN,
    Color::VIOLET,
    Color::TEAL,
    Color::PINK,
    Color::BROWN,
    Color::GRAY,
    Color::RED,
    Color::GOLD,
    Color::LIME,
];
const DOT_COLORS: [Color; 8] =
    [Color::RED, Color::TEAL, Color::VIOLET, Color::ORANGE, Color::GREEN, Color::PINK, Color::BROWN, Color::GRAY];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Line,
    Dots,
}

#[derive(Clone, Debug)]
struct Series {
    name: String,
    kind: Kind,
    color: Color,
    x: Vec<f64>,
    y: Vec<f64>,
}

impl Series {
    fn points(&self) -> impl Iterator<Item = (f64, f64)> + Clone + '_ {
        self.x.iter().copied().zip(self.y.iter().copied())
    }
}

/// A chart of dots and lines over two axes, with a legend for the series that have a name.
///
/// A NaN or infinite value is a gap in a line and a missing dot.
///
/// ```
/// use rushlight::plot::Chart;
/// let png = Chart::new("Loss").x_label("epoch").line("train", &[1.0, 2.0], &[0.9, 0.4]).to_png()?;
/// assert!(png.starts_with(b"\x89PNG"));
/// # Ok::<(), rushlight::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Chart {
    title: String,
    x_label: String,
    y_label: String,
    include_y: Vec<f64>,
    series: Vec<Series>,
}

impl Chart {
    /// Creates an empty chart with a title.
    pub fn new(title: impl Into<String>) -> Self {
        let title = title.into();
        Chart { title, x_label: String::new(), y_label: String::new(), include_y: Vec::new(), series: Vec::new() }
    }

    /// Names the horizontal axis.
    pub fn x_label(mut self, label: impl Into<String>) -> Self {
        self.x_label = label.into();
        self
    }

    /// Names the vertical axis.
    pub fn y_label(mut self, label: impl Into<String>) -> Self {
        self.y_label = label.into();
        self
    }

    /// Stretches the vertical axis so that it contains `value`, for example 0.
    pub fn include_y(mut self, value: f64) -> Self {
        self.include_y.push(value);
        self
    }

    /// Adds dots at `(x[i], y[i])`: red, then other colors.
    pub fn scatter<X, Y>(self, name: impl Into<String>, x: &[X], y: &[Y]) -> Self
    where
        X: Copy + Into<f64>,
        Y: Copy + Into<f64>,
    {
        self.add(name.into(), Kind::Dots, x, y)
    }

    /// Adds a line through `(x[i], y[i])` in this order: blue, then other colors.
    pub fn line<X, Y>(self, name: impl Into<String>, x: &[X], y: &[Y]) -> Self
    where
        X: Copy + Into<f64>,
        Y: Copy + Into<f64>,
    {
        self.add(name.into(), Kind::Line, x, y)
    }

    /// Sets the color of the series added last.
    pub fn color(mut self, color: Color) -> Self {
        if let Some(series) = self.series.last_mut() {
            series.color = color;
        }
        self
    }

    fn add<X: Copy + Into<f64>, Y: Copy + Into<f64>>(mut self, name: String, kind: Kind, x: &[X], y: &[Y]) -> Self {
        let palette: &[Color] = if kind == Kind::Line { &LINE_COLORS } else { &DOT_COLORS };
        let color = palette[self.series.iter().filter(|s| s.kind == kind).count() % palette.len()];
        let (x, y) = (x.iter().map(|v| (*v).into()).collect(), y.iter().map(|v| (*v).into()).collect());
        self.series.push(Series { name, kind, color, x, y });
        self
    }

    /// Returns the chart as a PNG file in memory.
    ///
    /// # Errors
    /// If a series has lists of different lengths.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        let mut canvas = Canvas::new(680.0, 460.0)?;
        self.draw(&mut canvas, Rect::new(16.0, 18.0, 660.0, 446.0), 17.0)?;
        Ok(canvas.png())
    }

    /// Writes the chart as a PNG file, replacing a file of this name.
    ///
    /// # Errors
    /// As [`to_png`](Self::to_png), or if the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        write_file(path.as_ref(), &self.to_png()?)
    }

    fn check(&self) -> Result<()> {
        let uneven = self.series.iter().find(|s| s.x.len() != s.y.len());
        uneven.map_or(Ok(()), |s| {
            let (x, y) = (s.x.len(), s.y.len());
            Err(Error::value(
                "chart",
                format!("expected as many y values as x values in series \"{}\", got {x} and {y}", s.name),
            ))
        })
    }

    /// Draws title, legend, axes and data into `area` and returns where the data are.
    fn draw(&self, canvas: &mut Canvas, area: Rect, title_size: f32) -> Result<Rect> {
        self.check()?;
        let points = || self.series.iter().flat_map(Series::points).filter(|(x, y)| drawable(*x) && drawable(*y));
        let small = TextStyle::new(12.0, Color::TEXT);
        let x_scale = Scale::new(points().map(|(x, _)| x), (area.width() / 80.0) as usize);
        let y_scale = Scale::new(points().map(|(_, y)| y).chain(self.include_y.iter().copied()), 6);

        let tick_width = y_scale.ticks().iter().map(|(_, text)| canvas.text_width(text, small)).fold(0.0, f32::max);
        let label_width = if self.y_label.is_empty() { 0.0 } else { 24.0 };
        let mut plot = Rect::new(
            (area.left + label_width + tick_width + 10.0).round(),
            area.top,
            area.right,
            area.bottom - 24.0 - if self.x_label.is_empty() { 0.0 } else { 22.0 },
        );
        if !self.title.is_empty() {
            let style = TextStyle::new(title_size, Color::INK).bold();
            let title = canvas.fit_text(&self.title, plot.width(), style);
            canvas.text(&title, (plot.left, plot.top + 10.0), style);
            plot.top += title_size + 15.0;
        }
        plot.top = self.draw_legend(canvas, plot).round() + 2.0;
        plot.bottom = plot.bottom.round();

        let x_at = |v: f64| plot.left + x_scale.position(v) * plot.width();
        let y_at = |v: f64| plot.bottom - y_scale.position(v) * plot.height();
        for (value, text) in y_scale.ticks() {
            let y = y_at(value).round();
            canvas.line((plot.left, y), (plot.right, y), 1.0, Color::GRID);
            canvas.text(&text, (plot.left - 8.0, y), small.align(Align::Right));
        }
        for (value, text) in x_scale.ticks() {
            let x = x_at(value).round();
            canvas.line((x, plot.top), (x, plot.bottom), 1.0, Color::GRID);
            canvas.text(&text, (x, plot.bottom + 15.0), small.align(Align::Center));
        }
        canvas.line((plot.left, plot.top), (plot.left, plot.bottom + 0.5), 1.0, Color::AXIS);
        canvas.line((plot.left - 0.5, plot.bottom), (plot.right, plot.bottom), 1.0, Color::AXIS);
        let (middle_x, middle_y) = (0.5 * (plot.left + plot.right), 0.5 * (plot.top + plot.bottom));
        let label = TextStyle::new(13.0, Color::INK).align(Align::Center);
        canvas.text(&self.x_label, (middle_x, area.bottom - 8.0), label);
        canvas.text(&self.y_label, (area.left + 8.0, middle_y), label.angle(-90.0));

        // Dots are drawn over lines, regardless of the order in which they were added.
        for kind in [Kind::Line, Kind::Dots] {
            for series in self.series.iter().filter(|s| s.kind == kind) {
                let on_canvas: Vec<_> =
                    series.points().map(|(x, y)| (drawable(x) && drawable(y)).then(|| (x_at(x), y_at(y)))).collect();
                draw_series(canvas, series, &on_canvas);
            }
        }
        Ok(plot)
    }

    /// Draws the legend at the top of `area`, in as many rows as it needs, and returns where it ends.
    fn draw_legend(&self, canvas: &mut Canvas, area: Rect) -> f32 {
        let style = TextStyle::new(12.5, Color::TEXT);
        let (mut x, mut y) = (area.left, area.top);
        let mut any = false;
        for series in self.series.iter().filter(|s| !s.name.is_empty()) {
            let name = canvas.fit_text(&series.name, area.width() - 28.0, style);
            let width = 26.0 + canvas.text_width(&name, style);
            if x > area.left && x + width > area.right {
                (x, y) = (area.left, y + 20.0);
            }
            let middle = (y + 6.0).round();
            match series.kind {
                Kind::Line => canvas.line((x, middle), (x + 18.0, middle), 2.5, series.color),
                Kind::Dots => canvas.circle((x + 9.0, middle), 4.0, series.color),
            }
            canvas.text(&name, (x + 25.0, middle), style);
            x += width + 20.0;
            any = true;
        }
        if any { y + 22.0 } else { y }
    }
}

fn draw_series(canvas: &mut Canvas, series: &Series, points: &[Option<(f32, f32)>]) {
    if series.kind == Kind::Line {
        for run in points.split(Option::is_none) {
            let run: Vec<_> = run.iter().flatten().copied().collect();
            match run[..] {
                // A line of one point would be invisible.
                [point] => canvas.circle(point, 3.5, series.color),
                _ => canvas.polyline(&run, 2.25, series.color),
            }
        }
    } else {
        for point in points.iter().flatten() {
            // A white rim keeps overlapping dots apart.
            canvas.circle(*point, 5.0, Color::WHITE);
            canvas.circle(*point, 4.2, series.color);
        }
    }
}

/// Several charts in one figure, side by side or in rows of [`columns`](Panels::columns), for example loss and accuracy.
///
/// ```no_run
/// use rushlight::plot::{Chart, Panels};
///
/// let epochs = [1.0, 2.0, 3.0];
/// let loss = Chart::new("Loss").x_label("epoch").line("train", &epochs, &[0.9, 0.4, 0.2]);
/// let accuracy = Chart::new("Accuracy (%)").x_label("epoch").line("train", &epochs, &[71.0, 88.0, 94.0]);
/// Panels::new("Training").add(loss).add(accuracy).save("curves.png")?;
/// # Ok::<(), rushlight::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Panels {
    title: String,
    charts: Vec<Chart>,
    columns: usize,
}

impl Panels {
    /// Creates an empty figure with a title.
    pub fn new(title: impl Into<String>) -> Self {
        Panels { title: title.into(), charts: Vec::new(), columns: usize::MAX }
    }

    /// Starts a new row of charts after each `columns`, at least 1; by default, all charts are in one row.
    pub fn columns(mut self, columns: usize) -> Self {
        self.columns = columns.max(1);
        self
    }

    /// Adds a chart at the right, or at the left of a new row.
    #[expect(clippy::should_implement_trait, reason = "adding a panel is not arithmetic")]
    pub fn add(mut self, chart: Chart) -> Self {
        self.charts.push(chart);
        self
    }

    /// Returns the figure as a PNG file in memory.
    ///
    /// # Errors
    /// If the figure is empty, or a series has lists of different lengths.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        if self.charts.is_empty() {
            return Err(Error::value("panels", "expected at least one chart, got none"));
        }
        let (panel, gap, edge, row) = (470.0, 36.0, 20.0, 374.0);
        let columns = self.columns.min(self.charts.len());
        let rows = self.charts.len().div_ceil(columns);
        let top = if self.title.is_empty() { 18.0 } else { 56.0 };
        let width = 2.0 * edge + columns as f32 * (panel + gap) - gap;
        let mut canvas = Canvas::new(width, top + rows as f32 * row)?;
        let mut title_left = None;
        for (i, chart) in self.charts.iter().enumerate() {
            let left = edge + (i % columns) as f32 * (panel + gap);
            let top = top + (i / columns) as f32 * row;
            let plot = chart.draw(&mut canvas, Rect::new(left, top, left + panel, top + 360.0), 14.5)?;
            title_left.get_or_insert(plot.left);
        }
        let left = title_left.unwrap_or(edge);
        let style = TextStyle::new(18.0, Color::INK).bold();
        let title = canvas.fit_text(&self.title, width - edge - left, style);
        canvas.text(&title, (left, 29.0), style);
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
