//! Interleaved samples to AAC-LC access units.

use crate::error::Error;
use syom::{EncodeOptions, Encoder};

/// Rates of the AAC table that an MP4 sample entry (16.16 fixed point) can name.
const SAMPLE_RATES: [u32; 9] = [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000];

/// What the audio track is to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AudioFormat {
    pub(crate) sample_rate: u32,
    pub(crate) channels: u16,
    pub(crate) bits_per_second: u32,
}

impl AudioFormat {
    pub(crate) fn check(self) -> Result<(), Error> {
        let AudioFormat { sample_rate, channels, bits_per_second } = self;
        // AAC-LC holds at most 6,144 bits a channel and frame.
        let most = u64::from(channels) * 6 * u64::from(sample_rate);
        if SAMPLE_RATES.contains(&sample_rate)
            && (1..=2).contains(&channels)
            && (16_000..=320_000).contains(&bits_per_second)
            && u64::from(bits_per_second) <= most
        {
            Ok(())
        } else {
            Err(Error::AudioFormat { sample_rate, channels, bits_per_second })
        }
    }
}

/// Samples of one AAC-LC access unit.
pub(crate) const FRAME_SAMPLES: u32 = 1_024;

/// Samples the decoder puts out before the first real one.
pub(crate) const PRIMING_SAMPLES: u32 = 1_024;

/// A finished audio track.
pub(crate) struct AudioTrack {
    pub(crate) format: AudioFormat,
    /// AudioSpecificConfig.
    pub(crate) config: Vec<u8>,
    /// All access units, one after the other.
    pub(crate) data: Vec<u8>,
    pub(crate) sizes: Vec<u32>,
    /// Samples a channel that were given.
    pub(crate) samples: u64,
}

/// An audio track in the making.
pub(crate) struct AudioEncoder {
    format: AudioFormat,
    encoder: Encoder,
    data: Vec<u8>,
    sizes: Vec<u32>,
    samples: u64,
    planes: Vec<Vec<f32>>,
}

impl AudioEncoder {
    pub(crate) fn new(format: AudioFormat) -> Result<AudioEncoder, Error> {
        format.check()?;
        let options = EncodeOptions::raw().with_bitrate_bps(format.bits_per_second);
        let channels = usize::from(format.channels);
        let encoder = Encoder::new(format.sample_rate, channels, &options).map_err(Error::Audio)?;
        Ok(AudioEncoder {
            format,
            encoder,
            data: Vec::new(),
            sizes: Vec::new(),
            samples: 0,
            planes: vec![Vec::new(); channels],
        })
    }

    /// Appends interleaved samples; what is louder than full scale is clipped.
    pub(crate) fn push(&mut self, interleaved: &[f32]) -> Result<(), Error> {
        let channels = usize::from(self.format.channels);
        if !interleaved.len().is_multiple_of(channels) {
            return Err(Error::SampleCount { found: interleaved.len(), channels: self.format.channels });
        }
        if let Some(index) = interleaved.iter().position(|sample| !sample.is_finite()) {
            return Err(Error::Sample { index });
        }
        for (channel, plane) in self.planes.iter_mut().enumerate() {
            plane.clear();
            plane.extend(interleaved.iter().skip(channel).step_by(channels).map(|sample| sample.clamp(-1.0, 1.0)));
        }
        let planes: Vec<&[f32]> = self.planes.iter().map(Vec::as_slice).collect();
        let (data, sizes) = (&mut self.data, &mut self.sizes);
        self.encoder.feed(&planes, |unit| store(unit.au, data, sizes)).map_err(Error::Audio)?;
        self.samples += (interleaved.len() / channels) as u64;
        Ok(())
    }

    /// The track; `None` if no sample was given.
    pub(crate) fn finish(mut self) -> Result<Option<AudioTrack>, Error> {
        if self.samples == 0 {
            return Ok(None);
        }
        let (data, sizes) = (&mut self.data, &mut self.sizes);
        self.encoder.finish(|unit| store(unit.au, data, sizes)).map_err(Error::Audio)?;
        let config = self.encoder.asc().to_vec();
        Ok(Some(AudioTrack { format: self.format, config, data: self.data, sizes: self.sizes, samples: self.samples }))
    }
}

fn store(unit: &[u8], data: &mut Vec<u8>, sizes: &mut Vec<u32>) -> syom::Result<()> {
    data.extend_from_slice(unit);
    // An access unit holds at most 6,144 bits a channel, so its length fits.
    sizes.push(u32::try_from(unit.len()).unwrap_or(u32::MAX));
    Ok(())
}
