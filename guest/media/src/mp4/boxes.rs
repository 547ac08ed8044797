/// No rotation, no scaling, in the format's fixed-point numbers.
pub(super) const UNITY_MATRIX: [u32; 9] = [0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000];

/// A box: size, name, content. Tables of this crate stay far below 4 GiB.
pub(super) fn simple_box(name: &[u8; 4], parts: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let content: usize = parts.iter().map(|part| part.as_ref().len()).sum();
    let mut bytes = Vec::with_capacity(content + 8);
    bytes.extend(u32::try_from(content + 8).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend(name);
    for part in parts {
        bytes.extend_from_slice(part.as_ref());
    }
    bytes
}

/// A box with version 0 and flags.
pub(super) fn full_box(name: &[u8; 4], flags: u32, parts: &[&[u8]]) -> Vec<u8> {
    let version_and_flags = flags.to_be_bytes();
    let mut all: Vec<&[u8]> = vec![&version_and_flags];
    all.extend(parts);
    simple_box(name, &all)
}

/// A full box that is a table: number of entries, then their numbers.
pub(super) fn table_box(name: &[u8; 4], entries: usize, numbers: impl Iterator<Item = u32>) -> Vec<u8> {
    let mut content = count(entries).to_be_bytes().to_vec();
    for number in numbers {
        content.extend(number.to_be_bytes());
    }
    full_box(name, 0, &[&content])
}

/// A number of table entries: each stands for at least one sample, whose count was checked to fit.
pub(super) fn count(entries: usize) -> u32 {
    u32::try_from(entries).unwrap_or(u32::MAX)
}

/// A descriptor of MPEG-4 part 1: tag, length, content of at most 127 bytes.
pub(super) fn descriptor(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag, u8::try_from(content.len()).unwrap_or(127).min(127)];
    bytes.extend_from_slice(content);
    bytes
}
