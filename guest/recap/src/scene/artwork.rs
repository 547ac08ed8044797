//! The picture that is drawn when there is no photo: ridges before an evening sky that pass at different speeds.

use super::photo::Caption;
use super::{Clock, Scene};
use crate::canvas::{Canvas, Frame, gradient};
use crate::ease;
use crate::text::Fonts;
use crate::theme::{Colour, Theme, colour, mix};
use std::sync::Arc;
use vello_cpu::Pixmap;
use vello_cpu::kurbo::{Affine, BezPath, Point, Shape};
use vello_cpu::peniko::{Gradient, ImageQuality};

/// Ridges from the farthest to the nearest: height of the base line as a share of the frame, height of the peaks, waves in
/// the frame's width, phase.
const RIDGES: [(f64, f64, f64, f64); 5] = [
    (0.56, 0.085, 1.3, 0.4),
    (0.64, 0.105, 1.7, 2.1),
    (0.73, 0.090, 2.1, 4.4),
    (0.83, 0.085, 2.6, 1.2),
    (0.95, 0.090, 3.1, 5.3),
];

pub(crate) struct ArtworkScene {
    /// Sky and sun, which stand still.
    sky: Arc<Pixmap>,
    ridges: [[Colour; 2]; RIDGES.len()],
    caption: Caption,
}

impl ArtworkScene {
    pub(crate) fn new(frame: Frame, fonts: &Arc<Fonts>, theme: &Theme, caption: &str) -> ArtworkScene {
        let night = if theme.is_light {
            mix(theme.text, theme.accent, 0.25)
        } else {
            mix(theme.background[0], theme.accent, 0.10)
        };
        let horizon = mix(mix(theme.accent_2, colour(0xff_ddb0), 0.55), colour(0xff_ffff), 0.12);
        let air = mix(theme.accent, horizon, 0.45);
        let ridge = |depth: f32| {
            let tone = mix(mix(air, theme.accent, 0.4), night, 0.22 + 0.75 * depth);
            [tone, mix(tone, mix(air, horizon, 0.5), 0.30 * (1.0 - depth))]
        };
        ArtworkScene {
            sky: paint_sky(frame, fonts, [mix(night, theme.accent, 0.30), air, horizon]),
            ridges: [0.0, 0.28, 0.52, 0.76, 1.0].map(ridge),
            caption: Caption::new(frame, fonts, theme, caption),
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the frame's own size")]
fn paint_sky(frame: Frame, fonts: &Arc<Fonts>, [top, middle, horizon]: [Colour; 3]) -> Arc<Pixmap> {
    let (width, height) = (frame.width as u16, frame.height as u16);
    let mut canvas = Canvas::new(width, height, Arc::clone(fonts));
    let sky = frame.rect().to_path(0.1);
    let stops = [(0.0, top), (0.38, middle), (0.66, horizon)];
    canvas.fill_gradient(&sky, gradient((0.0, 0.0), (0.0, frame.height), &stops));

    let sun = Point::new(frame.width * 0.68, frame.height * 0.40);
    let radius = 64.0 * frame.unit;
    let light = colour(0xff_f6e0);
    #[expect(clippy::cast_possible_truncation, reason = "a radius in pixels")]
    let glow = Gradient::new_radial(sun, (radius * 7.0) as f32).with_stops(
        [(0.0, light.with_alpha(0.75)), (0.25, light.with_alpha(0.26)), (1.0, light.with_alpha(0.0))].as_slice(),
    );
    canvas.fill_gradient(&sky, glow);
    canvas.fill_circle(sun, radius, light);

    let mut pixmap = Pixmap::new(width, height);
    canvas.finish(&mut pixmap);
    pixmap.set_may_have_transparency(false);
    Arc::new(pixmap)
}

impl Scene for ArtworkScene {
    fn name(&self) -> &'static str {
        "picture"
    }

    fn draw(&self, canvas: &mut Canvas, clock: Clock) {
        let frame = canvas.frame;
        canvas.fill_image(&self.sky, Affine::IDENTITY, ImageQuality::Low);
        for (index, (shape, [crest, foot])) in RIDGES.into_iter().zip(self.ridges).enumerate() {
            #[expect(clippy::cast_precision_loss, reason = "five ridges")]
            let nearness = (index + 1) as f64 / RIDGES.len() as f64;
            let travel = ease::mix(-0.5, 0.5, clock.share()) * 0.16 * nearness;
            let rise = (1.0 - ease::out(ease::span(clock.now, 0.0, 1.6))) * 0.05 * nearness;
            let top = (shape.0 - 1.4 * shape.1) * frame.height;
            let stops = [(0.0, crest), (1.0, foot)];
            let fill = gradient((0.0, top), (0.0, (shape.0 + 0.16) * frame.height), &stops);
            canvas.fill_gradient(&ridge(frame, shape, travel, rise), fill);
        }
        self.caption.draw(canvas, clock);
    }
}

/// The outline of a ridge, moved by `travel` widths to the left and `rise` heights down.
fn ridge(frame: Frame, (base, peak, waves, phase): (f64, f64, f64, f64), travel: f64, rise: f64) -> BezPath {
    const STEPS: u32 = 200;
    // A tall frame shows a narrower piece of the same landscape.
    let stretch = (frame.width / frame.height / (16.0 / 9.0)).clamp(0.35, 1.0);
    let mut path = BezPath::new();
    path.move_to((0.0, frame.height));
    for step in 0..=STEPS {
        let x = f64::from(step) / f64::from(STEPS);
        let angle = (x + travel) * waves * stretch * std::f64::consts::TAU + phase;
        // Each wave is sharp at the top and round at the bottom, as ridges are; finer ones lie on the broad one.
        let wave = |angle: f64| 1.0 - 1.6 * angle.sin().abs();
        let broad = wave(angle * 0.5);
        let fine =
            0.30 * wave(angle * 1.13 + phase) + 0.13 * wave(angle * 2.71 + 2.0 * phase) + 0.05 * wave(angle * 6.3);
        path.line_to((x * frame.width, (base + rise - peak * (broad + fine)) * frame.height));
    }
    path.line_to((frame.width, frame.height));
    path.close_path();
    path
}
