//! The sound track: a pad of slow chords and a plucked figure over it, made from sine waves.

use crate::params::Music;
use std::f64::consts::TAU;

/// Samples a second of each of the two channels.
pub(crate) const SAMPLE_RATE: u32 = 48_000;

/// How a track sounds.
struct Character {
    beats_per_minute: f64,
    /// Chords as half tones above the key, lowest first; one bar of four beats each.
    chords: [[i32; 5]; 4],
    /// Frequency of the key.
    key: f64,
    /// Loudness of the plucked notes.
    pluck: f64,
    /// Which tone of the chord each eighth plays.
    figure: [usize; 8],
}

/// Major seventh and ninth chords: I, vi, IV, V in spirit, without a hard edge.
const CALM: Character = Character {
    beats_per_minute: 84.0,
    chords: [[0, 7, 14, 16, 23], [-3, 4, 12, 16, 19], [5, 12, 16, 21, 24], [-5, 7, 14, 19, 21]],
    key: 146.83,
    pluck: 0.13,
    figure: [1, 3, 2, 4, 3, 2, 4, 3],
};

const BRIGHT: Character = Character {
    beats_per_minute: 108.0,
    chords: [[0, 7, 12, 16, 19], [5, 12, 17, 21, 24], [-3, 9, 12, 16, 21], [7, 11, 14, 19, 26]],
    key: 174.61,
    pluck: 0.19,
    figure: [1, 2, 3, 4, 2, 3, 4, 3],
};

/// Seconds of fading in and out.
const FADE_IN: f64 = 0.5;
const FADE_OUT: f64 = 1.8;

/// `samples` stereo samples, interleaved, none louder than 0.9; nothing for [`Music::None`].
pub(crate) fn compose(music: Music, samples: u32) -> Vec<f32> {
    let character = match music {
        Music::Calm => CALM,
        Music::Bright => BRIGHT,
        Music::None => return Vec::new(),
    };
    let length = f64::from(samples) / f64::from(SAMPLE_RATE);
    let mut left = vec![0.0; samples as usize];
    let mut right = left.clone();
    let beat = 60.0 / character.beats_per_minute;
    let bar = 4.0 * beat;
    let mut start = 0.0;
    for chord in character.chords.iter().cycle() {
        if start >= length {
            break;
        }
        add_chord(&mut left, &mut right, &character, chord, start, bar);
        add_figure(&mut left, &mut right, &character, chord, start, beat / 2.0);
        start += bar;
    }
    add_echo(&mut left, &mut right, beat * 0.75);
    master(&left, &right, length)
}

/// Every tone as two slightly detuned voices, wide in the stereo picture, that swell and overlap with the next chord.
fn add_chord(left: &mut [f64], right: &mut [f64], character: &Character, chord: &[i32; 5], start: f64, bar: f64) {
    let swell = 0.45 * bar;
    for (index, &tone) in chord.iter().enumerate() {
        let frequency = pitch(character.key, tone) / if index == 0 { 2.0 } else { 1.0 };
        let level = if index == 0 { 0.16 } else { 0.062 };
        let (near, far) = if index % 2 == 0 { (1.0, 0.62) } else { (0.62, 1.0) };
        for (detune, near, far) in [(0.9985, near, far), (1.0015, far, near)] {
            let mut upper = Oscillator::new(frequency * detune * 2.0, start);
            let mut ground = Oscillator::new(frequency * detune, start);
            for_samples(left, right, start, bar + swell, |passed| {
                let rise = smooth(passed / swell);
                let fall = smooth((bar + swell - passed) / swell);
                let value = level * rise * fall * (ground.next() + 0.16 * upper.next());
                (value * near, value * far)
            });
        }
    }
}

/// Eight plucked notes to the bar.
fn add_figure(left: &mut [f64], right: &mut [f64], character: &Character, chord: &[i32; 5], start: f64, eighth: f64) {
    let mut begin = start;
    for (index, &choice) in character.figure.iter().enumerate() {
        let frequency = pitch(character.key, chord[choice] + 12);
        let accent = if index % 4 == 0 { 1.0 } else { 0.72 };
        let (near, far) = if index % 2 == 0 { (1.0, 0.45) } else { (0.45, 1.0) };
        let mut ground = Oscillator::new(frequency, 0.0);
        let mut upper = Oscillator::new(frequency * 3.0, 0.0);
        for_samples(left, right, begin, 1.1, |passed| {
            let attack = (passed / 0.006).min(1.0);
            let body = (-passed * 5.2).exp() * ground.next() + 0.22 * (-passed * 16.0).exp() * upper.next();
            let value = character.pluck * accent * attack * (1.1 - passed).clamp(0.0, 1.0) * body;
            (value * near, value * far)
        });
        begin += eighth;
    }
}

/// Echoes that change sides, each softer and darker than the one before.
fn add_echo(left: &mut [f64], right: &mut [f64], seconds: f64) {
    let delay = to_samples(seconds);
    let (mut soft_left, mut soft_right) = (0.0, 0.0);
    for index in delay..left.len() {
        soft_left += 0.35 * (right[index - delay] - soft_left);
        soft_right += 0.35 * (left[index - delay] - soft_right);
        left[index] += 0.34 * soft_left;
        right[index] += 0.34 * soft_right;
    }
}

/// Fades, rounds off what is too loud, and interleaves.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a minute of samples")]
fn master(left: &[f64], right: &[f64], length: f64) -> Vec<f32> {
    let fade_out = FADE_OUT.min(length / 3.0);
    let mut interleaved = Vec::with_capacity(left.len() * 2);
    for (index, (&left, &right)) in left.iter().zip(right).enumerate() {
        let now = index as f64 / f64::from(SAMPLE_RATE);
        let gain = smooth(now / FADE_IN) * smooth((length - now) / fade_out);
        interleaved.extend([left, right].map(|value| (0.9 * (1.15 * value).tanh() * gain) as f32));
    }
    interleaved
}

fn for_samples(left: &mut [f64], right: &mut [f64], start: f64, length: f64, mut voice: impl FnMut(f64) -> (f64, f64)) {
    let first = to_samples(start).min(left.len());
    let last = to_samples(start + length).min(left.len());
    let step = 1.0 / f64::from(SAMPLE_RATE);
    let mut passed = 0.0;
    for (left, right) in left[first..last].iter_mut().zip(&mut right[first..last]) {
        let (near, far) = voice(passed);
        *left += near;
        *right += far;
        passed += step;
    }
}

/// A sine wave by rotating a vector: two multiplications a sample instead of a library call.
struct Oscillator {
    sine: f64,
    cosine: f64,
    step_sine: f64,
    step_cosine: f64,
}

impl Oscillator {
    fn new(frequency: f64, phase: f64) -> Oscillator {
        let step = TAU * frequency / f64::from(SAMPLE_RATE);
        Oscillator { sine: phase.sin(), cosine: phase.cos(), step_sine: step.sin(), step_cosine: step.cos() }
    }

    fn next(&mut self) -> f64 {
        let value = self.sine;
        (self.sine, self.cosine) = (
            self.sine * self.step_cosine + self.cosine * self.step_sine,
            self.cosine * self.step_cosine - self.sine * self.step_sine,
        );
        value
    }
}

fn pitch(key: f64, half_tones: i32) -> f64 {
    key * 2_f64.powf(f64::from(half_tones) / 12.0)
}

fn smooth(t: f64) -> f64 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a minute of samples")]
fn to_samples(seconds: f64) -> usize {
    (seconds.max(0.0) * f64::from(SAMPLE_RATE)) as usize
}

#[cfg(test)]
mod tests {
    use super::{SAMPLE_RATE, compose};
    use crate::params::Music;

    #[test]
    fn tracks_have_the_asked_length_and_are_never_too_loud() {
        for music in [Music::Calm, Music::Bright] {
            for seconds in [5, 13] {
                let track = compose(music, seconds * SAMPLE_RATE);
                assert_eq!(track.len(), (seconds * SAMPLE_RATE * 2) as usize);
                assert!(track.iter().all(|sample| sample.is_finite() && sample.abs() <= 0.9));
            }
        }
        assert!(compose(Music::None, SAMPLE_RATE).is_empty());
    }

    #[test]
    fn tracks_can_be_heard_and_fade_in_and_out() {
        for music in [Music::Calm, Music::Bright] {
            let track = compose(music, 8 * SAMPLE_RATE);
            let loudness = |from: usize, to: usize| {
                let part = &track[from * 960..to * 960];
                (part.iter().map(|sample| f64::from(sample * sample)).sum::<f64>() / 960.0 / (to - from) as f64).sqrt()
            };
            let (start, middle, end) = (loudness(0, 2), loudness(200, 600), loudness(797, 800));
            assert!(middle > 0.05, "{music:?} is too soft: {middle}");
            assert!(start < middle / 4.0 && end < middle / 20.0, "{music:?}: {start} {middle} {end}");
        }
    }
}
