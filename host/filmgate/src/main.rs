//! The `filmgate` command.

fn main() {}
