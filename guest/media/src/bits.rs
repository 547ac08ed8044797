//! Bits of a NAL unit's payload: reading is not needed, appending is.

/// Removes the `03` bytes that keep start codes out of a NAL unit.
pub(crate) fn remove_emulation_prevention(nal: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(nal.len());
    let mut zeros = 0;
    for &byte in nal {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        payload.push(byte);
    }
    payload
}

/// Puts them back.
pub(crate) fn add_emulation_prevention(payload: &[u8]) -> Vec<u8> {
    let mut nal = Vec::with_capacity(payload.len() + 4);
    let mut zeros = 0;
    for &byte in payload {
        if zeros >= 2 && byte <= 3 {
            nal.push(3);
            zeros = 0;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        nal.push(byte);
    }
    nal
}

/// A payload that bits can be appended to.
pub(crate) struct BitVec {
    bits: Vec<bool>,
}

impl BitVec {
    /// The bits of `payload` before its stop bit; `None` if it has no stop bit.
    pub(crate) fn without_stop_bit(payload: &[u8]) -> Option<BitVec> {
        let mut bits: Vec<bool> =
            payload.iter().flat_map(|byte| (0..8).rev().map(move |shift| byte >> shift & 1 == 1)).collect();
        let stop = bits.iter().rposition(|&bit| bit)?;
        bits.truncate(stop);
        Some(BitVec { bits })
    }

    pub(crate) fn pop(&mut self) -> Option<bool> {
        self.bits.pop()
    }

    /// Appends the lowest `count` bits of `value`, highest first.
    pub(crate) fn push(&mut self, value: u32, count: u32) {
        self.bits.extend((0..count).rev().map(|shift| value >> shift & 1 == 1));
    }

    /// Appends an unsigned Exp-Golomb code.
    pub(crate) fn push_exp_golomb(&mut self, value: u32) {
        let code = value + 1;
        let length = 32 - code.leading_zeros();
        self.push(0, length - 1);
        self.push(code, length);
    }

    /// The bytes, closed by a stop bit and zeros.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.bits.push(true);
        self.bits
            .chunks(8)
            .map(|byte| byte.iter().enumerate().fold(0, |sum, (i, &bit)| sum | u8::from(bit) << (7 - i)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{BitVec, add_emulation_prevention, remove_emulation_prevention};

    #[test]
    fn emulation_prevention_round_trips() {
        for payload in [&[0, 0, 0, 1][..], &[0, 0, 3, 0, 0], &[0, 0, 0, 0, 0, 0], &[9, 0, 0, 2, 7]] {
            let nal = add_emulation_prevention(payload);
            assert!(!nal.windows(3).any(|w| w[..2] == [0, 0] && w[2] < 3), "start code left in {nal:?}");
            assert_eq!(remove_emulation_prevention(&nal), payload);
        }
    }

    #[test]
    fn exp_golomb_codes_are_those_of_the_standard() {
        for (value, expected) in [(0, 0b1100_0000), (1, 0b0101_0000), (2, 0b0111_0000), (3, 0b0010_0100)] {
            let mut bits = BitVec { bits: Vec::new() };
            bits.push_exp_golomb(value);
            assert_eq!(bits.finish(), [expected]);
        }
    }
}
