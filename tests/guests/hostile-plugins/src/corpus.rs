//! Paths that try to leave a folder, generated: the same numbers make the same paths in a guest and in the host's tests.

/// What paths are made of: ways up, ways round, names that links have, encodings that a careless decoder would undo.
const SEGMENTS: [&str; 40] = [
    "..",
    ".",
    "",
    "...",
    ".. ",
    " ..",
    "..\u{200b}",
    "..%00",
    "%2e%2e",
    "%2e.",
    "..\\",
    "..\\..",
    "\\",
    "/",
    "~",
    "*",
    "x",
    "X",
    "link",
    "file-link",
    "up-link",
    "root-link",
    "loop-link",
    "in",
    "out",
    "jobs",
    "staging",
    "secret",
    "proc",
    "self",
    "fd",
    "root",
    "cwd",
    "etc",
    "passwd",
    "C:",
    "\u{ff0e}\u{ff0e}",
    "\u{2025}",
    "\u{202e}..",
    "\u{2215}",
];

/// Whole paths that are worth trying by themselves.
const KNOWN: [&str; 26] = [
    "/",
    "//",
    "/etc/passwd",
    "//etc/passwd",
    "/proc/self/environ",
    "/proc/self/fd/0",
    "/proc/self/root/etc/passwd",
    "/proc/self/cwd/secret",
    "/proc/thread-self/cwd/secret",
    "/dev/stdin",
    "../secret",
    "../../secret",
    "../../../secret",
    "../../../../secret",
    "./../secret",
    "x/../../secret",
    "link",
    "link/",
    "link/.",
    "link/secret",
    "file-link",
    "up-link/secret",
    "root-link/etc/passwd",
    "loop-link/loop-link/secret",
    "x/../link/secret",
    "link/../secret",
];

/// The path of this number; every number has one.
pub fn path(number: u64) -> String {
    if let Some(known) = usize::try_from(number).ok().and_then(|number| KNOWN.get(number)) {
        return (*known).to_owned();
    }
    let mut random = Random(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut path = String::from(["", "", "", "/", "./", "../"][random.below(6)]);
    let segments = 1 + random.below(7);
    for segment in 0..segments {
        if segment > 0 {
            path.push_str(["/", "/", "/", "/", "//", "/./", "\\"][random.below(7)]);
        }
        path.push_str(SEGMENTS[random.below(SEGMENTS.len())]);
    }
    path.push_str(["", "", "", "/", "/.", "/..", "\0", "/secret", "/../secret"][random.below(9)]);
    path
}

/// Xorshift: enough to mix segments.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 33) % (end as u64)).unwrap_or(0)
    }
}
