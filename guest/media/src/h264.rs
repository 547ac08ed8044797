//! Pictures to H.264 access units in the form MP4 wants: length-prefixed, parameter sets apart.

use crate::bits::{BitVec, add_emulation_prevention, remove_emulation_prevention};
use crate::colour::Planes;
use crate::error::Error;
use crate::frame_rate::FrameRate;
use rusty_h264::{Encoder, EncoderConfig, Preset, YuvPlanes};

const NAL_SLICE_IDR: u8 = 5;
const NAL_SPS: u8 = 7;
const NAL_PPS: u8 = 8;

/// What the encoder is asked for.
pub(crate) struct VideoFormat {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) rate: FrameRate,
    pub(crate) quantizer: u8,
    /// Most frames from one key frame to the next.
    pub(crate) keyframe_interval: u32,
}

/// A finished video track.
pub(crate) struct VideoTrack {
    pub(crate) format: VideoFormat,
    pub(crate) sps: Vec<u8>,
    pub(crate) pps: Vec<u8>,
    /// All access units, one after the other.
    pub(crate) data: Vec<u8>,
    pub(crate) sizes: Vec<u32>,
    /// Numbers of the key frames, from 0.
    pub(crate) keyframes: Vec<u32>,
}

/// A video track in the making.
pub(crate) struct VideoEncoder {
    encoder: Encoder,
    planes: Planes,
    track: VideoTrack,
}

impl VideoEncoder {
    pub(crate) fn new(format: VideoFormat) -> Result<VideoEncoder, Error> {
        let (width, height) = (format.width as usize, format.height as usize);
        let mut config = EncoderConfig::new(width, height);
        config.preset = Preset::Fast;
        config.qp = format.quantizer;
        config.framerate = format.rate.as_f32();
        config.gop_size = format.keyframe_interval;
        // Nothing is buffered: one picture in, one access unit out. The caller knows its scene cuts.
        config.mbtree = false;
        config.lookahead = 0;
        config.scenecut = 0;
        config.num_ref_frames = 1;
        let encoder = Encoder::new(config).map_err(|source| Error::Video { index: 0, source })?;
        let track = VideoTrack {
            format,
            sps: Vec::new(),
            pps: Vec::new(),
            data: Vec::new(),
            sizes: Vec::new(),
            keyframes: Vec::new(),
        };
        Ok(VideoEncoder { encoder, planes: Planes::new(width, height), track })
    }

    /// Frames so far.
    pub(crate) fn frames(&self) -> u64 {
        self.track.sizes.len() as u64
    }

    /// Makes the next frame a key frame.
    pub(crate) fn request_keyframe(&mut self) {
        self.encoder.request_keyframe();
    }

    /// Encodes one picture of `width * height * 4` bytes.
    pub(crate) fn push(&mut self, rgba: &[u8]) -> Result<(), Error> {
        let index = self.frames();
        let expected = self.planes.width * self.planes.height * 4;
        if rgba.len() != expected {
            return Err(Error::FrameLength { index, expected, found: rgba.len() });
        }
        self.planes.fill_from_rgba(rgba);
        let Planes { width, height, luma, blue, red } = &self.planes;
        let view = YuvPlanes::new(*width, *height, luma, blue, red, *width, *width / 2);
        let view = view.ok_or(Error::Stream { index, reason: "the planes do not fit the size" })?;
        let stream = self.encoder.encode_planes(&view).map_err(|source| Error::Video { index, source })?;
        self.track.store(index, &stream)
    }

    pub(crate) fn finish(self) -> Result<VideoTrack, Error> {
        if self.track.sizes.is_empty() { Err(Error::Empty) } else { Ok(self.track) }
    }
}

impl VideoTrack {
    /// Takes one access unit in Annex B form apart and appends it.
    fn store(&mut self, index: u64, stream: &[u8]) -> Result<(), Error> {
        let before = self.data.len();
        let mut keyframe = false;
        for nal in nal_units(stream) {
            match nal[0] & 0x1f {
                NAL_SPS => {
                    self.sps = with_colour_tags(nal)
                        .ok_or(Error::Stream { index, reason: "the sequence parameter set has no end" })?;
                    continue;
                }
                NAL_PPS => {
                    self.pps = nal.to_vec();
                    continue;
                }
                kind => keyframe |= kind == NAL_SLICE_IDR,
            }
            let length = u32::try_from(nal.len()).map_err(|_| Error::TooLarge)?;
            self.data.extend_from_slice(&length.to_be_bytes());
            self.data.extend_from_slice(nal);
        }
        if self.data.len() == before {
            return Err(Error::Stream { index, reason: "no slice" });
        }
        if self.sps.len() < 4 || self.pps.is_empty() {
            return Err(Error::Stream { index, reason: "no parameter sets" });
        }
        if keyframe {
            self.keyframes.push(u32::try_from(index).map_err(|_| Error::TooLarge)?);
        }
        self.sizes.push(u32::try_from(self.data.len() - before).map_err(|_| Error::TooLarge)?);
        Ok(())
    }
}

/// The NAL units of an Annex B stream, without start codes and never empty.
fn nal_units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = stream;
    std::iter::from_fn(move || {
        loop {
            let start = rest.windows(3).position(|window| window == [0, 0, 1])? + 3;
            rest = &rest[start..];
            let end = rest.windows(3).position(|window| window == [0, 0, 1]).unwrap_or(rest.len());
            // A zero before a start code belongs to the start code; no NAL unit ends with one.
            let unpadded = rest[..end].iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
            let nal = &rest[..unpadded];
            rest = &rest[end..];
            if !nal.is_empty() {
                return Some(nal);
            }
        }
    })
}

/// Adds the usability information the encoder leaves out: BT.709 in the limited range, chroma samples in the middle of
/// their block, and that no picture is shown later than it is decoded.
///
/// `None` if the set has no stop bit or already has such a part.
fn with_colour_tags(sps: &[u8]) -> Option<Vec<u8>> {
    let mut bits = BitVec::without_stop_bit(&remove_emulation_prevention(sps))?;
    // The last bit of the set says whether this part follows.
    if bits.pop()? {
        return None;
    }
    bits.push(1, 1);
    bits.push(1, 1); // aspect_ratio_info_present_flag
    bits.push(1, 8); // aspect_ratio_idc: square
    bits.push(0, 1); // overscan_info_present_flag
    bits.push(1, 1); // video_signal_type_present_flag
    bits.push(5, 3); // video_format: unspecified
    bits.push(0, 1); // video_full_range_flag
    bits.push(1, 1); // colour_description_present_flag
    bits.push(0x01_0101, 24); // primaries, transfer and matrix: BT.709
    bits.push(1, 1); // chroma_loc_info_present_flag
    bits.push_exp_golomb(1); // centre, top field
    bits.push_exp_golomb(1); // centre, bottom field
    bits.push(0, 1); // timing_info_present_flag: the container has the times
    bits.push(0, 2); // NAL and VCL HRD parameters
    bits.push(0, 1); // pic_struct_present_flag
    bits.push(1, 1); // bitstream_restriction_flag
    bits.push(1, 1); // motion_vectors_over_pic_boundaries_flag
    bits.push_exp_golomb(0); // max_bytes_per_pic_denom: no limit
    bits.push_exp_golomb(0); // max_bits_per_mb_denom: no limit
    bits.push_exp_golomb(16); // log2_max_mv_length_horizontal
    bits.push_exp_golomb(16); // log2_max_mv_length_vertical
    bits.push_exp_golomb(0); // max_num_reorder_frames
    bits.push_exp_golomb(1); // max_dec_frame_buffering
    Some(add_emulation_prevention(&bits.finish()))
}

#[cfg(test)]
mod tests {
    use super::nal_units;

    #[test]
    fn units_are_split_at_short_and_long_start_codes() {
        let stream = [0, 0, 0, 1, 0x67, 9, 0, 0, 1, 0x68, 8, 0, 0, 0, 1, 0x65, 0, 0, 3, 0, 7];
        let units: Vec<&[u8]> = nal_units(&stream).collect();
        assert_eq!(units, [&[0x67, 9][..], &[0x68, 8], &[0x65, 0, 0, 3, 0, 7]]);
    }

    #[test]
    fn a_stream_without_start_code_has_no_units() {
        assert_eq!(nal_units(&[1, 2, 3]).count(), 0);
        assert_eq!(nal_units(&[0, 0, 1]).count(), 0);
        assert_eq!(nal_units(&[]).count(), 0);
    }
}
