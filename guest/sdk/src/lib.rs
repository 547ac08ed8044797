//! Write a Filmgate plugin: one function and one macro line.
