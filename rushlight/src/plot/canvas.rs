//! Drawing primitives: shapes and text on a pixel surface, and its PNG encoding.
//!
//! Coordinates are logical pixels; the surface holds [`SCALE`] device pixels for each, so that figures stay sharp on
//! screens of high density.

use tiny_skia::{
    ColorU8, FillRule, FilterQuality, LineCap, LineJoin, Paint, PathBuilder, Pixmap, PixmapPaint, Rect as SkRect,
    Stroke, Transform,
};
use ttf_parser::{Face, OutlineBuilder};

use super::Color;
use crate::{Error, Result};

const SCALE: f32 = 2.0;
const REGULAR: &[u8] = include_bytes!("../../assets/font/Inter-Regular.ttf");
const SEMIBOLD: &[u8] = include_bytes!("../../assets/font/Inter-SemiBold.ttf");

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rect {
    pub left: f32,
    pub top: f32,
    pub right: f32,
    pub bottom: f32,
}

impl Rect {
    pub(super) fn new(left: f32, top: f32, right: f32, bottom: f32) -> Self {
        Rect { left, top, right, bottom }
    }

    pub(super) fn width(&self) -> f32 {
        self.right - self.left
    }

    pub(super) fn height(&self) -> f32 {
        self.bottom - self.top
    }
}

/// Which horizontal point of the text is at the given position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Align {
    Left,
    Center,
    Right,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct TextStyle {
    size: f32,
    bold: bool,
    color: Color,
    align: Align,
    /// Clockwise degrees.
    angle: f32,
}

impl TextStyle {
    pub(super) fn new(size: f32, color: Color) -> Self {
        TextStyle { size, bold: false, color, align: Align::Left, angle: 0.0 }
    }

    pub(super) fn bold(self) -> Self {
        TextStyle { bold: true, ..self }
    }

    pub(super) fn align(self, align: Align) -> Self {
        TextStyle { align, ..self }
    }

    pub(super) fn angle(self, angle: f32) -> Self {
        TextStyle { angle, ..self }
    }
}

pub(super) struct Canvas {
    pixmap: Pixmap,
    fonts: [Face<'static>; 2],
}

impl Canvas {
    /// A white surface of `width` by `height` logical pixels.
    pub(super) fn new(width: f32, height: f32) -> Result<Self> {
        let (w, h) = ((width * SCALE).round(), (height * SCALE).round());
        let mut pixmap = Pixmap::new(w as u32, h as u32)
            .ok_or_else(|| Error::value("figure", format!("expected a drawable size, got {w} by {h} pixels")))?;
        pixmap.fill(tiny_skia::Color::WHITE);
        let fonts = [REGULAR, SEMIBOLD].map(|data| Face::parse(data, 0).expect("the embedded font is valid"));
        Ok(Canvas { pixmap, fonts })
    }

    pub(super) fn fill_rect(&mut self, rect: Rect, color: Color) {
        if let Some(rect) = SkRect::from_ltrb(rect.left, rect.top, rect.right, rect.bottom) {
            self.pixmap.fill_rect(rect, &paint(color), scaled(), None);
        }
    }

    /// A picture of `size` (width, height) in the middle of `area`, as large as fits.
    pub(super) fn picture(&mut self, size: (usize, usize), rgb: &[u8], area: Rect) {
        let (width, height) = (size.0 as f32, size.1 as f32);
        let Some(mut source) = Pixmap::new(size.0 as u32, size.1 as u32) else { return };
        for (pixel, rgb) in source.pixels_mut().iter_mut().zip(rgb.chunks_exact(3)) {
            *pixel = ColorU8::from_rgba(rgb[0], rgb[1], rgb[2], 255).premultiply();
        }
        let scale = SCALE * (area.width() / width).min(area.height() / height);
        let left = (SCALE * (area.left + 0.5 * area.width()) - 0.5 * scale * width).round();
        let top = (SCALE * (area.top + 0.5 * area.height()) - 0.5 * scale * height).round();
        let place = Transform::from_row(scale, 0.0, 0.0, scale, left, top);
        // Small pictures, such as digits, are meant to be seen pixel by pixel.
        let quality = if scale > 2.0 { FilterQuality::Nearest } else { FilterQuality::Bilinear };
        let paint = PixmapPaint { quality, ..PixmapPaint::default() };
        self.pixmap.draw_pixmap(0, 0, source.as_ref(), &paint, place, None);
    }

    /// A straight line. Horizontal and vertical ones are sharp when their coordinates are integers.
    pub(super) fn line(&mut self, from: (f32, f32), to: (f32, f32), width: f32, color: Color) {
        self.polyline(&[from, to], width, color);
    }

    pub(super) fn polyline(&mut self, points: &[(f32, f32)], width: f32, color: Color) {
        let mut path = PathBuilder::new();
        for (i, &(x, y)) in points.iter().enumerate() {
            if i == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
        }
        if let Some(path) = path.finish() {
            let stroke = Stroke { width, line_cap: LineCap::Butt, line_join: LineJoin::Round, ..Stroke::default() };
            self.pixmap.stroke_path(&path, &paint(color), &stroke, scaled(), None);
        }
    }

    pub(super) fn circle(&mut self, center: (f32, f32), radius: f32, color: Color) {
        if let Some(path) = PathBuilder::from_circle(center.0, center.1, radius) {
            self.pixmap.fill_path(&path, &paint(color), FillRule::Winding, scaled(), None);
        }
    }

    /// Draws one line of text, its capitals centered vertically on `at.1`.
    pub(super) fn text(&mut self, text: &str, at: (f32, f32), style: TextStyle) {
        let face = &self.fonts[usize::from(style.bold)];
        let em = style.size / f32::from(face.units_per_em());
        let start = match style.align {
            Align::Left => 0.0,
            Align::Center => -0.5 * self.text_width(text, style),
            Align::Right => -self.text_width(text, style),
        };
        let baseline = 0.5 * em * f32::from(face.capital_height().unwrap_or(face.ascender()));
        let mut outline = Outline { path: PathBuilder::new(), em, x: start, y: baseline };
        for c in text.chars() {
            let glyph = face.glyph_index(c).unwrap_or_default();
            face.outline_glyph(glyph, &mut outline);
            outline.x += em * f32::from(face.glyph_hor_advance(glyph).unwrap_or(0));
        }
        if let Some(path) = outline.path.finish() {
            let place = scaled().pre_translate(at.0, at.1).pre_concat(Transform::from_rotate(style.angle));
            self.pixmap.fill_path(&path, &paint(style.color), FillRule::Winding, place, None);
        }
    }

    pub(super) fn text_width(&self, text: &str, style: TextStyle) -> f32 {
        let face = &self.fonts[usize::from(style.bold)];
        let advance = |c| u32::from(face.glyph_hor_advance(face.glyph_index(c).unwrap_or_default()).unwrap_or(0));
        let units: u32 = text.chars().map(advance).sum();
        units as f32 * style.size / f32::from(face.units_per_em())
    }

    /// The text, truncated with an ellipsis if it is wider than `width`.
    pub(super) fn fit_text(&self, text: &str, width: f32, style: TextStyle) -> String {
        if self.text_width(text, style) <= width {
            return text.to_owned();
        }
        let mut kept: Vec<char> = text.chars().collect();
        loop {
            kept.pop();
            let short: String = kept.iter().chain(&['…']).collect();
            if kept.is_empty() || self.text_width(&short, style) <= width {
                return short;
            }
        }
    }

    /// The figure as a PNG file. Everything drawn is opaque, so the alpha channel is left out.
    pub(super) fn png(&self) -> Vec<u8> {
        let rgb: Vec<u8> = self.pixmap.pixels().iter().flat_map(|p| [p.red(), p.green(), p.blue()]).collect();
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.pixmap.width(), self.pixmap.height());
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::High);
        let mut writer = encoder.write_header().expect("writing to memory does not fail");
        writer.write_image_data(&rgb).expect("the buffer has the announced size");
        writer.finish().expect("writing to memory does not fail");
        file
    }
}

fn scaled() -> Transform {
    Transform::from_scale(SCALE, SCALE)
}

fn paint(color: Color) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(color.red, color.green, color.blue, 255);
    paint
}

/// Collects glyph outlines, font units with y upwards, as a path in logical pixels with y downwards.
struct Outline {
    path: PathBuilder,
    em: f32,
    x: f32,
    y: f32,
}

impl Outline {
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        (self.x + self.em * x, self.y - self.em * y)
    }
}

impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.at(x1, y1), self.at(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}
