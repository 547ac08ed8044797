//! Drawing: a thin layer over `vello_cpu` in the words of the scenes.

use crate::text::{Block, Fonts, Line};
use crate::theme::Colour;
use std::sync::Arc;
use vello_cpu::kurbo::{Affine, BezPath, Circle, Point, Rect, RoundedRect, Shape, Stroke};
use vello_cpu::peniko::{Gradient, ImageQuality, ImageSampler};
use vello_cpu::{Image, ImageSource, PaintType, Pixmap, RenderContext, RenderSettings, Resources};

/// How curves are flattened, in pixels.
const TOLERANCE: f64 = 0.1;

/// The frame's size and what follows from it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// One pixel of a frame whose shorter side is 720.
    pub(crate) unit: f64,
    /// Space to keep free at each side.
    pub(crate) margin: f64,
}

impl Frame {
    pub(crate) fn new(width: u16, height: u16) -> Frame {
        let (width, height) = (f64::from(width), f64::from(height));
        let unit = width.min(height) / 720.0;
        Frame { width, height, unit, margin: if width > height { 88.0 * unit } else { 60.0 * unit } }
    }

    /// Whether things go one above the other rather than side by side.
    pub(crate) fn is_tall(&self) -> bool {
        self.height > 1.15 * self.width
    }

    pub(crate) fn is_wide(&self) -> bool {
        self.width > 1.15 * self.height
    }

    pub(crate) fn rect(&self) -> Rect {
        Rect::new(0.0, 0.0, self.width, self.height)
    }
}

/// Where a line lies relative to its x position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Centre,
    Right,
}

/// What a scene draws on.
pub(crate) struct Canvas {
    pub(crate) frame: Frame,
    pub(crate) fonts: Arc<Fonts>,
    context: RenderContext,
    resources: Resources,
    /// Transparency of everything drawn, 0 to 1.
    opacity: f32,
}

impl Canvas {
    pub(crate) fn new(width: u16, height: u16, fonts: Arc<Fonts>) -> Canvas {
        let context =
            RenderContext::new_with(width, height, RenderSettings { num_threads: 0, ..RenderSettings::default() });
        Canvas { frame: Frame::new(width, height), fonts, context, resources: Resources::new(), opacity: 1.0 }
    }

    /// Draws what was recorded into `target` and starts the next picture.
    pub(crate) fn finish(&mut self, target: &mut Pixmap) {
        self.context.flush();
        self.context.render(target, &mut self.resources);
        self.context.reset();
        self.opacity = 1.0;
    }

    /// Draws `content` with everything moved by `affine`.
    pub(crate) fn transformed(&mut self, affine: Affine, content: impl FnOnce(&mut Canvas)) {
        let before = *self.context.transform();
        self.context.set_transform(before * affine);
        content(self);
        self.context.set_transform(before);
    }

    /// Draws only inside `path`.
    pub(crate) fn clipped(&mut self, path: &BezPath, content: impl FnOnce(&mut Canvas)) {
        self.context.push_clip_path(path);
        content(self);
        self.context.pop_clip();
    }

    /// Draws everything more transparent. Shapes that overlap shine through each other: use a layer for a whole scene.
    pub(crate) fn faded(&mut self, opacity: f64, content: impl FnOnce(&mut Canvas)) {
        let before = self.opacity;
        self.opacity *= as_f32(opacity.clamp(0.0, 1.0));
        if self.opacity > 0.003 {
            content(self);
        }
        self.opacity = before;
    }

    /// Draws `content` as one picture and lays it over the rest with `opacity`.
    pub(crate) fn layered(&mut self, opacity: f64, content: impl FnOnce(&mut Canvas)) {
        self.context.push_opacity_layer(as_f32(opacity.clamp(0.0, 1.0)));
        content(self);
        self.context.pop_layer();
    }

    pub(crate) fn fill_rect(&mut self, rect: Rect, colour: Colour) {
        self.solid(colour);
        self.context.fill_rect(&rect);
    }

    pub(crate) fn fill_rounded(&mut self, rect: Rect, radius: f64, colour: Colour) {
        let radius = radius.min(rect.width() / 2.0).min(rect.height() / 2.0).max(0.0);
        self.fill(&RoundedRect::from_rect(rect, radius).to_path(TOLERANCE), colour);
    }

    pub(crate) fn fill_circle(&mut self, centre: Point, radius: f64, colour: Colour) {
        if radius > 0.05 {
            self.fill(&Circle::new(centre, radius).to_path(TOLERANCE), colour);
        }
    }

    pub(crate) fn fill(&mut self, path: &BezPath, colour: Colour) {
        self.solid(colour);
        self.context.fill_path(path);
    }

    pub(crate) fn fill_gradient(&mut self, path: &BezPath, gradient: Gradient) {
        self.context.set_paint(gradient.multiply_alpha(self.opacity));
        self.context.fill_path(path);
    }

    pub(crate) fn stroke(&mut self, path: &BezPath, stroke: Stroke, colour: Colour) {
        self.solid(colour);
        self.context.set_stroke(stroke);
        self.context.stroke_path(path);
    }

    /// Fills the frame with `image`, placed by `affine` (image pixels to frame pixels). The image must cover the frame.
    pub(crate) fn fill_image(&mut self, image: &Arc<Pixmap>, affine: Affine, quality: ImageQuality) {
        let sampler = ImageSampler { quality, alpha: self.opacity, ..ImageSampler::default() };
        let image = Image { image: ImageSource::Pixmap(Arc::clone(image)), sampler };
        self.context.set_paint(PaintType::Image(image));
        self.context.set_paint_transform(affine);
        self.context.fill_rect(&self.frame.rect());
        self.context.reset_paint_transform();
    }

    /// Draws a line with its baseline at `y`.
    pub(crate) fn text(&mut self, line: &Line, x: f64, y: f64, align: Align, colour: Colour) {
        let x = match align {
            Align::Left => x,
            Align::Centre => x - line.width / 2.0,
            Align::Right => x - line.width,
        };
        self.solid(colour);
        let before = *self.context.transform();
        self.context.set_transform(before * Affine::translate((x, y)));
        let run = self.context.glyph_run(&mut self.resources, &self.fonts.data);
        let run = run.font_size(as_f32(line.size)).hint(false).normalized_coords(&line.coordinates);
        // An outline that cannot be drawn leaves a gap; the texts were checked against the font before.
        let _gaps = run.fill_glyphs(line.glyphs.iter().copied());
        self.context.set_transform(before);
    }

    /// Draws wrapped text, the top of its first capitals at `top`.
    ///
    /// `shown` tells for each line how far it has appeared, 0 to 1: it rises into place out of an invisible edge.
    pub(crate) fn block(
        &mut self,
        block: &Block,
        x: f64,
        top: f64,
        align: Align,
        colour: Colour,
        shown: impl Fn(usize) -> f64,
    ) {
        let cap = crate::text::CAP_HEIGHT * block.style.size;
        let mut baseline = top + cap;
        for (index, line) in block.lines.iter().enumerate() {
            let shown = shown(index);
            if shown >= 1.0 {
                self.text(line, x, baseline, align, colour);
            } else if shown > 0.0 {
                // Room above for accents and below for descenders.
                let edge = Rect::new(-1e4, baseline - 1.1 * block.style.size, 1e4, baseline + 0.3 * block.style.size);
                let rise = (1.0 - shown) * 1.25 * block.style.size;
                self.clipped(&edge.to_path(TOLERANCE), |canvas| {
                    canvas.faded(shown, |canvas| canvas.text(line, x, baseline + rise, align, colour));
                });
            }
            baseline += block.leading;
        }
    }

    fn solid(&mut self, colour: Colour) {
        self.context.set_paint(colour.multiply_alpha(self.opacity));
    }
}

/// A linear gradient between two points.
pub(crate) fn gradient(from: (f64, f64), to: (f64, f64), stops: &[(f32, Colour)]) -> Gradient {
    Gradient::new_linear(from, to).with_stops(stops)
}

/// Positions and opacities need no more digits than this.
#[expect(clippy::cast_possible_truncation, reason = "positions and opacities need no more digits")]
fn as_f32(value: f64) -> f32 {
    value as f32
}
