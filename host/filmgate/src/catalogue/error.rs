/// Why a catalogue did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// It cannot be used now: locked, read-only, the disk is full, no connection.
    #[error("{operation} in the catalogue {place}: {message}")]
    Away {
        /// Verb and object.
        operation: &'static str,
        /// Which catalogue.
        place: String,
        /// What it answered.
        message: String,
    },
    /// What it holds cannot be read.
    #[error("{operation} in the catalogue {place}: it is damaged: {message}")]
    Damaged {
        /// Verb and object.
        operation: &'static str,
        /// Which catalogue.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// A later version of the host has written it.
    #[error("the catalogue {place} has schema version {found}; this version knows {known} and earlier ones")]
    Newer {
        /// Which catalogue.
        place: String,
        /// Its version.
        found: i64,
        /// The latest known one.
        known: i64,
    },
    /// It is the database of another program.
    #[error("{place} is a database, but not a catalogue")]
    Foreign {
        /// The file.
        place: String,
    },
    /// The text is no cursor of this catalogue.
    #[error("{0:?} is no cursor of this catalogue")]
    NoCursor(String),
    /// Events after the cursor were taken away by retention: a reader has missed some.
    #[error("events after the cursor are no longer kept; read what there is, then go on from the beginning")]
    CursorPassed,
    /// The catalogue refused a statement: a fault of the host.
    #[error("{operation} in the catalogue {place}: {message}")]
    Refused {
        /// Verb and object.
        operation: &'static str,
        /// Which catalogue.
        place: String,
        /// What it answered.
        message: String,
    },
}

impl CatalogueError {
    /// Whether the same call may succeed later without a change of the request.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Away { .. })
    }

    /// What the operator can do.
    pub fn next_step(&self) -> Option<&'static str> {
        Some(match self {
            Self::Away { .. } => {
                "see that the file and its directory can be written, the disk has space and nobody keeps it locked"
            }
            Self::Damaged { .. } => {
                "move the file and those beside it away and put back a backup; what was published is not affected"
            }
            Self::Newer { .. } => "use the version of filmgate that wrote it, or a later one",
            Self::Foreign { .. } => "choose another data directory, or move the file away",
            Self::NoCursor(_) | Self::CursorPassed | Self::Refused { .. } => return None,
        })
    }
}
