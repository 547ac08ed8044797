//! Frames and samples in, a fast-start MP4 (H.264 and AAC) out: pure Rust, for plugins.
