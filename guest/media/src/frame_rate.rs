use crate::error::Error;

/// Frames a second as an exact fraction, for example 24, or 30,000/1,001 for NTSC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameRate {
    numerator: u32,
    denominator: u32,
}

impl FrameRate {
    /// `numerator` frames in `denominator` seconds.
    ///
    /// Fails unless the rate is 1 to 120 frames a second and both numbers are at most 1,000,000.
    pub(crate) fn new(numerator: u32, denominator: u32) -> Result<FrameRate, Error> {
        let in_bounds = denominator > 0
            && numerator >= denominator
            && numerator <= 1_000_000
            && u64::from(numerator) <= 120 * u64::from(denominator);
        if in_bounds {
            Ok(FrameRate { numerator, denominator })
        } else {
            Err(Error::FrameRate { numerator, denominator })
        }
    }

    /// Ticks a second of the video track. At least 10,000, as small time scales upset some players.
    pub(crate) fn timescale(self) -> u32 {
        self.numerator * self.ticks_per_unit()
    }

    /// Ticks of one frame.
    pub(crate) fn frame_ticks(self) -> u32 {
        self.denominator * self.ticks_per_unit()
    }

    /// The rate as a decimal number.
    pub(crate) fn as_f32(self) -> f32 {
        #[expect(clippy::cast_possible_truncation, reason = "a rate of at most 120 needs no more digits")]
        let rate = (f64::from(self.numerator) / f64::from(self.denominator)) as f32;
        rate
    }

    fn ticks_per_unit(self) -> u32 {
        10_000_u32.div_ceil(self.numerator).next_power_of_two()
    }
}
