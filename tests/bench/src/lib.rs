//! Measures `filmgate publish` beside other upload tools, against a server that throws the bytes away, and against Garage.
//!
//! Every contender is a process of its own; what it used is what the kernel says of it. `README.md` says how to run it and
//! what one run showed.

pub mod child;
pub mod contender;
pub mod files;
pub mod interrupted;
pub mod micro;
pub mod records;
pub mod run;
pub mod scenes;
pub mod server;
pub mod sink;
pub mod table;
