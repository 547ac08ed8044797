//! What processes ask the kernel for, by the kernel's own evidence.

mod missing;
mod runner;
