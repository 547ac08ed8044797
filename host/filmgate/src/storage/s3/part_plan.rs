use std::ops::RangeInclusive;

use crate::limits::{MIB, OBJECT_BYTES_MAX, PART_BYTES_MAX, PART_BYTES_MIN, PARTS_MAX};

/// How a file is cut into parts: all of one size, the last as large as what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartPlan {
    file_bytes: u64,
    part_bytes: u64,
}

/// One part of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub number: u32,
    pub offset: u64,
    pub bytes: u64,
}

impl PartPlan {
    /// Cuts a file of `file_bytes` into parts of `preferred` bytes, or of as many whole mebibytes as it takes to stay within
    /// 10,000 parts. Absent where there is nothing to cut or no plan can hold so much.
    pub fn new(file_bytes: u64, preferred: u64) -> Option<Self> {
        if file_bytes == 0 || file_bytes > OBJECT_BYTES_MAX {
            return None;
        }
        let needed = file_bytes.div_ceil(PARTS_MAX);
        let preferred = preferred.clamp(PART_BYTES_MIN, PART_BYTES_MAX);
        let part_bytes = if needed <= preferred { preferred } else { needed.next_multiple_of(MIB).min(PART_BYTES_MAX) };
        Some(Self { file_bytes, part_bytes })
    }

    /// Bytes of every part but the last.
    pub fn part_bytes(&self) -> u64 {
        self.part_bytes
    }

    /// Number of parts, 1 to 10,000.
    pub fn parts(&self) -> u32 {
        u32::try_from(self.file_bytes.div_ceil(self.part_bytes)).unwrap_or(u32::MAX)
    }

    /// Bytes of all parts together.
    pub fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// The numbers of all parts.
    pub(super) fn numbers(&self) -> RangeInclusive<u32> {
        1..=self.parts()
    }

    /// The part with a number of [`PartPlan::numbers`].
    pub(super) fn part(&self, number: u32) -> Part {
        let offset = u64::from(number - 1) * self.part_bytes;
        Part { number, offset, bytes: self.part_bytes.min(self.file_bytes - offset) }
    }
}

#[cfg(test)]
mod tests {
    use super::PartPlan;
    use crate::limits::{GIB, MIB, OBJECT_BYTES_MAX, PART_BYTES_MAX, PART_BYTES_MIN, PARTS_MAX};

    /// Whatever the file, the parts are contiguous, within S3's limits, and add up to it.
    #[track_caller]
    fn holds(file: u64, preferred: u64) -> PartPlan {
        let plan = PartPlan::new(file, preferred).expect("a plan");
        let mut end = 0;
        for number in plan.numbers() {
            let part = plan.part(number);
            assert_eq!((part.number, part.offset), (number, end), "{file} by {preferred}");
            let last = number == plan.parts();
            assert!(part.bytes <= PART_BYTES_MAX && (last || part.bytes >= PART_BYTES_MIN), "{part:?}");
            assert!(part.bytes > 0 && (last || part.bytes == plan.part_bytes()), "{part:?}");
            end += part.bytes;
        }
        assert_eq!(end, file);
        assert!(u64::from(plan.parts()) <= PARTS_MAX);
        plan
    }

    #[test]
    fn small_files_use_the_preferred_size() {
        for file in [1, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 16 * MIB, 16 * MIB + 1, 10_000 * 8 * MIB] {
            assert_eq!(holds(file, 8 * MIB).part_bytes(), 8 * MIB);
        }
        assert_eq!(holds(16 * MIB, 8 * MIB).parts(), 2);
        assert_eq!(holds(16 * MIB + 1, 8 * MIB).parts(), 3);
    }

    #[test]
    fn parts_grow_with_files_that_need_it() {
        assert_eq!(holds(10_000 * 8 * MIB + 1, 8 * MIB).part_bytes(), 9 * MIB);
        assert_eq!(holds(5 * 1024 * GIB, 8 * MIB).part_bytes(), 525 * MIB);
        assert_eq!(holds(OBJECT_BYTES_MAX, 8 * MIB).part_bytes(), PART_BYTES_MAX);
        assert_eq!(holds(OBJECT_BYTES_MAX - 1, PART_BYTES_MAX).parts(), 10_000);
    }

    #[test]
    fn nothing_and_too_much_have_no_plan() {
        assert_eq!(PartPlan::new(0, 8 * MIB), None);
        assert_eq!(PartPlan::new(OBJECT_BYTES_MAX + 1, 8 * MIB), None);
    }

    #[test]
    fn sizes_across_all_magnitudes_hold() {
        for exponent in 0..46 {
            for file in [(1_u64 << exponent) - 1, 1 << exponent, (1 << exponent) + 1] {
                if file > 0 {
                    holds(file, 1);
                    holds(file, 16 * MIB);
                    holds(file, u64::MAX);
                }
            }
        }
    }
}
