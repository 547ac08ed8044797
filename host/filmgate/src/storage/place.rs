use super::{Durability, Storage};

/// The directory, in records.
pub(crate) const LOCAL: &str = "local";

/// A store as records name it. Directories move with the machine; buckets are told apart by name.
pub(crate) fn place_of(storage: &dyn Storage) -> String {
    if storage.durability() == Durability::Local {
        return LOCAL.to_owned();
    }
    let described = storage.describe();
    described.split_whitespace().next().unwrap_or("s3").to_owned()
}
