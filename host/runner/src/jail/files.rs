//! Landlock: which files, as much of it as the kernel knows.

use std::os::fd::BorrowedFd;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, LandlockStatus, PathBeneath, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope, make_bitflags,
};

/// What may be denied is denied, up to this version; older kernels know less.
const NEWEST: ABI = ABI::V7;

/// Gives up every right to files, ports and other processes but those below the two directories.
pub(super) fn restrict(outbox: BorrowedFd<'_>, inputs: BorrowedFd<'_>) -> Result<String, String> {
    let applied = apply(outbox, inputs).map_err(|error| error.to_string())?;
    let abi = match applied.landlock {
        LandlockStatus::Available { effective_abi, .. } => format!("ABI {}", effective_abi as i32),
        other => format!("{other:?}"),
    };
    match applied.ruleset {
        RulesetStatus::FullyEnforced => Ok(format!("{abi}: files, network, signals")),
        RulesetStatus::PartiallyEnforced => Ok(format!("{abi}: as far as this kernel knows it")),
        RulesetStatus::NotEnforced => Err(format!("this kernel does not enforce Landlock ({abi})")),
    }
}

fn apply(outbox: BorrowedFd<'_>, inputs: BorrowedFd<'_>) -> Result<landlock::RestrictionStatus, RulesetError> {
    let reading: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    let writing: BitFlags<AccessFs> =
        make_bitflags!(AccessFs::{WriteFile | RemoveDir | RemoveFile | MakeDir | MakeReg | Truncate | Refer});
    Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .add_rule(PathBeneath::new(outbox, reading | writing))?
        .add_rule(PathBeneath::new(inputs, reading))?
        .restrict_self()
}
