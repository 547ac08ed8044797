//! End-to-end tests of Filmgate.
