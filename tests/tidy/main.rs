//! Rules of the sources that no compiler checks, and the table of requirements.

mod modules;
mod readme;
mod requirements;
mod sources;
