//! Which scenes are on, and the transitions between them.

use crate::canvas::Canvas;
use crate::ease;
use crate::scene::{Clock, Scene};
use crate::theme::{Theme, colour};
use crate::timeline::{Timeline, Transition};
use vello_cpu::kurbo::{Affine, BezPath, Circle, Point, Shape};

/// Seconds of fading to black at the end.
const FADE_OUT: f64 = 0.5;

/// Draws frame number `frame`.
pub(super) fn draw_frame(
    canvas: &mut Canvas,
    scenes: &[Box<dyn Scene>],
    timeline: &Timeline,
    theme: &Theme,
    frame: u32,
    fps: u32,
) {
    let moment = timeline.at(frame);
    let clock = |scene: usize| {
        let slot = timeline.slots[scene];
        let seconds = |frames: u32| f64::from(frames) / f64::from(fps);
        let length = seconds(slot.end - slot.start);
        let lead = if scene == 0 { 0.0 } else { (0.1 * length).min(0.25) };
        Clock { now: seconds(frame.saturating_sub(slot.start)), length, lead }
    };
    let from = &scenes[moment.scene];
    match moment.transition {
        None => from.draw(canvas, clock(moment.scene)),
        Some(passed) => {
            let into = &scenes[moment.scene + 1];
            let kind = transition(from.name(), into.name());
            draw_transition(
                canvas,
                theme,
                kind,
                passed,
                |canvas| from.draw(canvas, clock(moment.scene)),
                |canvas| into.draw(canvas, clock(moment.scene + 1)),
            );
        }
    }
    let last = timeline.slots.last().map_or(0, |slot| slot.end);
    let left = f64::from(last.saturating_sub(frame + 1)) / f64::from(fps);
    let dark = 1.0 - ease::span(left, 0.0, FADE_OUT);
    if dark > 0.0 {
        #[expect(clippy::cast_possible_truncation, reason = "an opacity")]
        let dark = dark as f32;
        canvas.fill_rect(canvas.frame.rect(), colour(0).with_alpha(dark));
    }
}

/// Cards push each other; a picture comes in through a circle and goes by fading; the end wipes everything away.
fn transition(from: &str, into: &str) -> Transition {
    match (from, into) {
        (_, "closing") => Transition::Wipe,
        ("photo" | "picture", "photo" | "picture") => Transition::Fade,
        (_, "photo" | "picture") => Transition::Iris,
        _ => Transition::Push,
    }
}

fn draw_transition(
    canvas: &mut Canvas,
    theme: &Theme,
    kind: Transition,
    passed: f64,
    from: impl FnOnce(&mut Canvas),
    into: impl FnOnce(&mut Canvas),
) {
    let frame = canvas.frame;
    let eased = ease::in_out(passed);
    match kind {
        Transition::Fade => {
            from(canvas);
            canvas.layered(eased, into);
        }
        Transition::Push => {
            let way = if frame.is_tall() { (0.0, frame.height) } else { (frame.width, 0.0) };
            canvas.transformed(Affine::translate((-way.0 * eased, -way.1 * eased)), from);
            canvas.transformed(Affine::translate((way.0 * (1.0 - eased), way.1 * (1.0 - eased))), into);
        }
        Transition::Wipe => {
            let slant = 0.18 * frame.height;
            let edge = ease::mix(-slant, frame.width + slant, eased);
            let lead = 46.0 * frame.unit * (std::f64::consts::PI * passed).sin();
            from(canvas);
            canvas.fill(&slanted(edge + lead, slant, frame.height), theme.accent_2);
            canvas.clipped(&slanted(edge, slant, frame.height), into);
        }
        Transition::Iris => {
            let reach = frame.width.hypot(frame.height) / 2.0;
            let circle = Circle::new(Point::new(frame.width / 2.0, frame.height / 2.0), (reach * eased).max(0.1));
            from(canvas);
            canvas.clipped(&circle.to_path(0.1), into);
        }
    }
}

/// Everything to the left of a slanted line.
fn slanted(edge: f64, slant: f64, height: f64) -> BezPath {
    let mut path = BezPath::new();
    path.move_to((-slant - 1.0, 0.0));
    path.line_to((edge + slant, 0.0));
    path.line_to((edge - slant, height));
    path.line_to((-slant - 1.0, height));
    path.close_path();
    path
}
