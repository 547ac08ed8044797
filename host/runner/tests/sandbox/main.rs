//! The sandbox from outside: real components, driven over the protocol, each trying to get past one limit. Each job has a
//! thread of this process.

include!("suite.rs");
