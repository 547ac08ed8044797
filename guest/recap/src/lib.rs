//! The reference plugin: a monthly recap as an MP4 and a thumbnail.
