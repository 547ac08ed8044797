//! One cell of the matrix: which request fails, how, when and how often; and what must come of it.

use filmgate::storage::StorageFault;
use filmgate_tests::fault_proxy::{Fault, Operation, Rule};

pub(crate) const ALWAYS: usize = usize::MAX;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    InternalError,
    SlowDown,
    TooManyRequests,
    RequestTimeout,
    Reset,
    Stall,
    Drip,
    Truncated,
    ErrorInside200,
    Empty200,
    WrongChecksum,
    /// The first answer is lost after the commit; from then on there is no such upload.
    LostThenGone,
    NoSuchUpload,
    Conflict,
    PreconditionFailed,
    ExpiredToken,
    Skewed,
}

impl Kind {
    pub(crate) const ALL: [Self; 17] = [
        Self::InternalError,
        Self::SlowDown,
        Self::TooManyRequests,
        Self::RequestTimeout,
        Self::Reset,
        Self::Stall,
        Self::Drip,
        Self::Truncated,
        Self::ErrorInside200,
        Self::Empty200,
        Self::WrongChecksum,
        Self::LostThenGone,
        Self::NoSuchUpload,
        Self::Conflict,
        Self::PreconditionFailed,
        Self::ExpiredToken,
        Self::Skewed,
    ];

    pub(crate) fn fault(self) -> Fault {
        match self {
            Self::InternalError => Fault::Error(500, "InternalError"),
            Self::SlowDown => Fault::Error(503, "SlowDown"),
            Self::TooManyRequests => Fault::Error(429, "TooManyRequests"),
            Self::RequestTimeout => Fault::Error(400, "RequestTimeout"),
            Self::Reset => Fault::Reset,
            Self::Stall => Fault::Stall,
            Self::Drip => Fault::Drip,
            Self::Truncated => Fault::Truncated,
            Self::ErrorInside200 => Fault::ErrorInside200("SlowDown"),
            Self::Empty200 => Fault::Empty200,
            Self::WrongChecksum => Fault::WrongChecksum,
            Self::LostThenGone | Self::NoSuchUpload => Fault::Error(404, "NoSuchUpload"),
            Self::Conflict => Fault::Error(409, "ConditionalRequestConflict"),
            Self::PreconditionFailed => Fault::Error(412, "PreconditionFailed"),
            Self::ExpiredToken => Fault::Error(403, "ExpiredToken"),
            Self::Skewed => Fault::Error(403, "RequestTimeTooSkewed"),
        }
    }

    /// Whether somebody must wait until the request is given up.
    pub(crate) fn is_slow(self) -> bool {
        matches!(self, Self::Stall | Self::Drip)
    }

    /// The fault of an error that is worth another try, where it is one. Half an answer may be told either way.
    pub(crate) fn transient(self) -> Option<&'static [StorageFault]> {
        use StorageFault::{Unavailable, Unreachable};
        Some(match self {
            Self::Reset | Self::Stall | Self::Drip => &[Unreachable],
            Self::Truncated => &[Unreachable, Unavailable],
            Self::InternalError
            | Self::SlowDown
            | Self::TooManyRequests
            | Self::RequestTimeout
            | Self::ErrorInside200
            | Self::Empty200
            | Self::Conflict => &[Unavailable],
            _ => return None,
        })
    }

    /// The fault of an answer that is final.
    pub(crate) fn refusal(self) -> &'static [StorageFault] {
        match self {
            Self::LostThenGone | Self::NoSuchUpload => &[StorageFault::NotFound],
            Self::PreconditionFailed => &[StorageFault::Exists],
            Self::ExpiredToken => &[StorageFault::ExpiredCredentials],
            Self::Skewed => &[StorageFault::ClockSkew],
            _ => &[],
        }
    }
}

/// Which server is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    /// Ignores `If-None-Match`, keeps every checksum, lists open uploads.
    Garage,
    /// Honours `If-None-Match`, keeps no checksum of a multipart upload, does not list open uploads.
    S3s,
}

/// Whether the file goes up in one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    Small,
    Parts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) server: Server,
    pub(crate) operation: Operation,
    pub(crate) size: Size,
    pub(crate) kind: Kind,
    /// Whether the server carries the request out all the same.
    pub(crate) after_commit: bool,
    /// Always, or once.
    pub(crate) persistent: bool,
}

/// What a publish must end in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    Stored,
    /// With one of these faults.
    Fails(&'static [StorageFault]),
}

impl Cell {
    /// Every cell of publishing.
    pub(crate) fn all(server: Server) -> Vec<Self> {
        use Operation as O;
        let ways = [
            (O::PutObject, Size::Small),
            (O::HeadObject, Size::Small),
            (O::HeadObject, Size::Parts),
            (O::CreateMultipartUpload, Size::Parts),
            (O::UploadPart, Size::Parts),
            (O::CompleteMultipartUpload, Size::Parts),
            (O::AbortMultipartUpload, Size::Parts),
            (O::ListParts, Size::Parts),
            (O::ListMultipartUploads, Size::Parts),
        ];
        let mut cells = Vec::new();
        for (operation, size) in ways {
            for kind in Kind::ALL {
                for (after_commit, persistent) in [(false, false), (false, true), (true, false), (true, true)] {
                    let cell = Self { server, operation, size, kind, after_commit, persistent };
                    if cell.is_another() {
                        cells.push(cell);
                    }
                }
            }
        }
        cells
    }

    /// Whether the cell differs from its neighbours. What only looks changes nothing, so that there is no commit; and where
    /// the fault is in the true answer, the request was carried out.
    fn is_another(self) -> bool {
        let looks =
            matches!(self.operation, Operation::HeadObject | Operation::ListParts | Operation::ListMultipartUploads);
        let committed = matches!(self.kind, Kind::Drip | Kind::Truncated | Kind::WrongChecksum | Kind::LostThenGone);
        if looks { !self.after_commit } else { self.after_commit || !committed }
    }

    /// The proxy's rules, and those that make the operation happen at all.
    pub(crate) fn rules(self) -> Vec<Rule> {
        let times = if self.persistent { ALWAYS } else { 1 };
        let rule = Rule { operation: self.operation, fault: self.kind.fault(), after_commit: self.after_commit, times };
        let mut rules = Vec::new();
        match self.operation {
            Operation::AbortMultipartUpload | Operation::ListParts => {
                let fault = Fault::Error(403, "AccessDenied");
                rules.push(Rule { operation: Operation::UploadPart, fault, after_commit: false, times: 1 });
            }
            Operation::ListMultipartUploads => {
                let operation = Operation::CreateMultipartUpload;
                rules.push(Rule { operation, fault: Fault::Reset, after_commit: true, times: ALWAYS });
            }
            _ => {}
        }
        if self.kind == Kind::LostThenGone {
            rules.push(Rule { fault: Fault::Reset, after_commit: true, times: 1, ..rule });
            rules.push(Rule { after_commit: false, ..rule });
        } else {
            rules.push(rule);
        }
        rules
    }

    /// Whether an upload may be open that nobody can find: the answer that named it was lost, and the store lists none. A
    /// publish that succeeds with a second one says so in the log; one that fails names it, unless the store's word was that
    /// it made none.
    pub(crate) fn has_hidden_upload(self) -> bool {
        self.server == Server::S3s && self.operation == Operation::CreateMultipartUpload && self.after_commit
    }

    /// Whether the store says that it did nothing.
    pub(crate) fn is_refusal(self) -> bool {
        matches!(self.kind.fault(), Fault::Error(400..500, _))
    }

    /// What the documentation promises.
    pub(crate) fn expected(self) -> Expected {
        use Expected::{Fails, Stored};
        match self.operation {
            Operation::HeadObject => self.expected_of_head(),
            // Cleaning up tells the error that made it necessary.
            Operation::AbortMultipartUpload | Operation::ListParts => Fails(&[StorageFault::Denied]),
            Operation::ListMultipartUploads => Fails(&[StorageFault::Unreachable]),
            _ if self.kind == Kind::WrongChecksum => {
                // A part's checksum is compared with the answer's, an object's with a HEAD's.
                let refused = self.operation == Operation::UploadPart && self.persistent;
                if refused { Fails(&[StorageFault::Unavailable]) } else { Stored }
            }
            operation => {
                // The object is there, whatever was answered: it is found.
                let makes = matches!(operation, Operation::PutObject | Operation::CompleteMultipartUpload);
                let made = makes && (self.after_commit || self.kind == Kind::LostThenGone);
                // An upload that is gone is begun anew, once.
                let restarts = matches!(operation, Operation::UploadPart | Operation::CompleteMultipartUpload)
                    && matches!(self.kind, Kind::NoSuchUpload | Kind::LostThenGone);
                // The next try is signed with the right time.
                let tried_again = self.kind.transient().is_some() || self.kind == Kind::Skewed || restarts;
                match self.kind.transient() {
                    _ if made || (tried_again && !self.persistent) => Stored,
                    Some(faults) => Fails(faults),
                    None => Fails(self.kind.refusal()),
                }
            }
        }
    }

    /// A HEAD's answer has no body that could name a cause. The first HEAD of a publish asks whether the key is taken, the
    /// last one proves the object; a single put on a store that honours `If-None-Match` needs only that.
    fn expected_of_head(self) -> Expected {
        use Expected::{Fails, Stored};
        let is_proof = self.server == Server::S3s && self.size == Size::Small;
        let is_first_only = !self.persistent && !is_proof;
        match self.kind {
            // Not there: what a free key answers, and no answer for an object that was just stored. Denied: it is unknown
            // whether the key is free, and nothing is proven.
            Kind::RequestTimeout
            | Kind::NoSuchUpload
            | Kind::LostThenGone
            | Kind::ExpiredToken
            | Kind::Skewed
            | Kind::WrongChecksum
                if is_first_only =>
            {
                Stored
            }
            Kind::RequestTimeout => Fails(&[StorageFault::Other]),
            Kind::NoSuchUpload | Kind::LostThenGone => Fails(&[StorageFault::Corrupted]),
            Kind::ExpiredToken | Kind::Skewed => Fails(&[StorageFault::Denied]),
            Kind::PreconditionFailed => Fails(&[StorageFault::Exists]),
            Kind::WrongChecksum => Fails(&[StorageFault::Corrupted]),
            _ if !self.persistent => Stored,
            kind => Fails(kind.transient().unwrap_or_default()),
        }
    }
}
