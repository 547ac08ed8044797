//! What is said of files: whole ones, broken ones, and files made to harm whoever reads them.

mod hostile;
mod iso;
mod made;
mod mutated;
mod pictures;
mod sound;
mod webm;
mod whole;
