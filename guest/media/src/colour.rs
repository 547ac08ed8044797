//! RGBA to Y'CbCr 4:2:0, ITU-R BT.709, limited range.

/// One picture in three planes.
pub(crate) struct Planes {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) luma: Vec<u8>,
    pub(crate) blue: Vec<u8>,
    pub(crate) red: Vec<u8>,
}

/// Fraction bits of the coefficients.
const SHIFT: u32 = 16;
const HALF: i32 = 1 << (SHIFT - 1);

/// Weights of R, G, B in Y', scaled from 0–255 to 16–235: BT.709's 0.2126, 0.7152, 0.0722 times 219/255.
const LUMA: [i32; 3] = [11_966, 40_254, 4_064];
/// Weights in Cb, scaled to 16–240: (B − Y) / 1.8556 times 224/255.
const BLUE: [i32; 3] = [-6_596, -22_189, 28_785];
/// Weights in Cr: (R − Y) / 1.5748 times 224/255.
const RED: [i32; 3] = [28_785, -26_146, -2_639];

impl Planes {
    /// Black planes. Width and height must be even.
    pub(crate) fn new(width: usize, height: usize) -> Planes {
        let quarter = width / 2 * (height / 2);
        Planes { width, height, luma: vec![16; width * height], blue: vec![128; quarter], red: vec![128; quarter] }
    }

    /// Converts a picture of exactly `width * height * 4` bytes. Alpha is ignored: the picture counts as opaque.
    ///
    /// Chroma is the mean of each 2×2 block, so its samples sit in the middle of the block, as the stream's header says.
    pub(crate) fn fill_from_rgba(&mut self, rgba: &[u8]) {
        let row_bytes = self.width * 4;
        let half = self.width / 2;
        let rows = rgba.chunks_exact(2 * row_bytes).zip(self.luma.chunks_exact_mut(2 * self.width));
        let chroma = self.blue.chunks_exact_mut(half).zip(self.red.chunks_exact_mut(half));
        for ((rgba, luma), (blue, red)) in rows.zip(chroma) {
            let (upper, lower) = rgba.split_at(row_bytes);
            let (luma_upper, luma_lower) = luma.split_at_mut(self.width);
            fill_luma(upper, luma_upper);
            fill_luma(lower, luma_lower);
            fill_chroma(upper, lower, blue, red);
        }
    }
}

fn fill_luma(rgba: &[u8], luma: &mut [u8]) {
    for (pixel, luma) in rgba.chunks_exact(4).zip(luma) {
        let sum = weigh(LUMA, i32::from(pixel[0]), i32::from(pixel[1]), i32::from(pixel[2]));
        *luma = to_byte(16 + ((sum + HALF) >> SHIFT));
    }
}

fn fill_chroma(upper: &[u8], lower: &[u8], blue: &mut [u8], red: &mut [u8]) {
    let blocks = upper.chunks_exact(8).zip(lower.chunks_exact(8));
    for ((upper, lower), (blue, red)) in blocks.zip(blue.iter_mut().zip(red)) {
        let sum = |channel: usize| {
            i32::from(upper[channel])
                + i32::from(upper[channel + 4])
                + i32::from(lower[channel])
                + i32::from(lower[channel + 4])
        };
        let (r, g, b) = (sum(0), sum(1), sum(2));
        // The sums are four times too large: two more bits to shift, and a rounding half four times as large.
        *blue = to_byte(128 + ((weigh(BLUE, r, g, b) + 4 * HALF) >> (SHIFT + 2)));
        *red = to_byte(128 + ((weigh(RED, r, g, b) + 4 * HALF) >> (SHIFT + 2)));
    }
}

fn weigh(weights: [i32; 3], r: i32, g: i32, b: i32) -> i32 {
    weights[0] * r + weights[1] * g + weights[2] * b
}

#[expect(clippy::cast_sign_loss, reason = "clamped to a byte's range just before")]
fn to_byte(value: i32) -> u8 {
    value.clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::Planes;

    fn convert(rgb: [u8; 3]) -> (u8, u8, u8) {
        let mut planes = Planes::new(2, 2);
        planes.fill_from_rgba(&[rgb[0], rgb[1], rgb[2], 255].repeat(4));
        (planes.luma[0], planes.blue[0], planes.red[0])
    }

    /// The 100 % colour bars of BT.709, as the standard's formulas give them.
    #[test]
    fn colour_bars_are_bt709() {
        assert_eq!(convert([0, 0, 0]), (16, 128, 128));
        assert_eq!(convert([255, 255, 255]), (235, 128, 128));
        assert_eq!(convert([255, 0, 0]), (63, 102, 240));
        assert_eq!(convert([0, 255, 0]), (173, 42, 26));
        assert_eq!(convert([0, 0, 255]), (32, 240, 118));
    }

    #[test]
    fn chroma_is_the_mean_of_its_block() {
        let mut planes = Planes::new(2, 2);
        planes.fill_from_rgba(&[255, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 0, 0, 255]);
        assert_eq!(planes.luma, [63, 16, 16, 63]);
        assert_eq!((planes.blue[0], planes.red[0]), (115, 184));
    }
}
