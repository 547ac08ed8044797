//! When each scene is on: scenes overlap by the length of the transition between them.

/// How one scene gives way to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transition {
    /// The new scene appears over the old one.
    Fade,
    /// The new scene pushes the old one out: upwards in tall frames, to the left in others.
    Push,
    /// The new scene is uncovered from the left, behind a coloured edge.
    Wipe,
    /// The new scene grows from a circle in the middle.
    Iris,
}

/// One scene's place in the video, in frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) start: u32,
    /// First frame after the scene.
    pub(crate) end: u32,
}

/// What is on at one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moment {
    /// Number of the scene that is on, or being left.
    pub(crate) scene: usize,
    /// How far the transition to the next scene is, if one is under way: more than 0, less than 1.
    pub(crate) transition: Option<f64>,
}

/// The places of all scenes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Timeline {
    pub(crate) slots: Vec<Slot>,
}

impl Timeline {
    /// Shares `frames` among scenes by `weights`; neighbours overlap by `overlap` frames, or by a third of the shortest scene if that is
    /// less.
    pub(crate) fn new(frames: u32, weights: &[f64], overlap: u32) -> Timeline {
        let total: f64 = weights.iter().sum();
        let shortest = weights.iter().copied().fold(f64::INFINITY, f64::min);
        let overlap = f64::from(overlap).min(f64::from(frames) * shortest / total / 3.0);
        // Scenes without their overlaps fill the video exactly; each but the last then goes on into the next.
        let mut slots = Vec::with_capacity(weights.len());
        let mut passed = 0.0;
        for &weight in weights {
            let start = to_frame(f64::from(frames) * passed / total);
            passed += weight;
            let end = to_frame(f64::from(frames) * passed / total + overlap).min(frames);
            slots.push(Slot { start, end });
        }
        Timeline { slots }
    }

    /// What is on at `frame`; the last scene for every later one.
    pub(crate) fn at(&self, frame: u32) -> Moment {
        let last = self.slots.len().saturating_sub(1);
        let scene = self.slots.iter().position(|slot| frame < slot.end).unwrap_or(last);
        let next = self.slots.get(scene + 1).filter(|next| frame >= next.start);
        let transition =
            next.map(|next| f64::from(frame - next.start + 1) / f64::from(self.slots[scene].end - next.start + 1));
        Moment { scene, transition }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "frame numbers of a minute of video")]
fn to_frame(frame: f64) -> u32 {
    frame.round() as u32
}

#[cfg(test)]
mod tests {
    use super::{Moment, Timeline};

    #[test]
    fn scenes_cover_every_frame_and_end_with_the_video() {
        for frames in [50, 120, 288, 360, 3_600] {
            for scenes in 1..=10 {
                let weights: Vec<f64> = (0..scenes).map(|scene| 1.0 + f64::from(scene % 3)).collect();
                let timeline = Timeline::new(frames, &weights, 18);
                assert_eq!(timeline.slots.first().map(|slot| slot.start), Some(0));
                assert_eq!(timeline.slots.last().map(|slot| slot.end), Some(frames));
                assert!(
                    timeline.slots.windows(2).all(|pair| pair[0].start < pair[1].start && pair[1].start <= pair[0].end)
                );
                assert!(timeline.slots.windows(3).all(|three| three[0].end <= three[2].start), "three at once");
            }
        }
    }

    #[test]
    fn a_transition_runs_from_just_after_0_to_just_before_1() {
        let timeline = Timeline::new(100, &[1.0, 1.0], 9);
        assert_eq!(timeline.at(49), Moment { scene: 0, transition: None });
        assert_eq!(timeline.at(50), Moment { scene: 0, transition: Some(0.1) });
        assert_eq!(timeline.at(58), Moment { scene: 0, transition: Some(0.9) });
        assert_eq!(timeline.at(59), Moment { scene: 1, transition: None });
        assert_eq!(timeline.at(1_000), Moment { scene: 1, transition: None });
    }
}
