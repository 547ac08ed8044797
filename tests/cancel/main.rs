//! Cancelling, in a process of its own: what is left can be counted.

mod many;
