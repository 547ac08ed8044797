/// How deep below the outbox `path` ends, when it starts at a directory of depth `base`.
///
/// Exact where no symbolic link is on the way, and the outbox holds none: it starts empty and links are denied.
pub(crate) fn path_depth(base: u32, path: &str) -> u32 {
    path.split('/').fold(base, |depth, segment| match segment {
        "" | "." => depth,
        ".." => depth.saturating_sub(1),
        _ => depth.saturating_add(1),
    })
}

#[cfg(test)]
mod tests {
    use super::path_depth;

    #[test]
    fn counts_names_and_follows_dots() {
        assert_eq!(path_depth(0, ""), 0);
        assert_eq!(path_depth(0, "."), 0);
        assert_eq!(path_depth(2, "a"), 3);
        assert_eq!(path_depth(0, "a//b/./c/"), 3);
        assert_eq!(path_depth(0, "a/../b"), 1);
        assert_eq!(path_depth(0, "../../.."), 0);
        assert_eq!(path_depth(u32::MAX, "a"), u32::MAX);
    }
}
