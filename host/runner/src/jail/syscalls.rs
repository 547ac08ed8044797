//! seccomp: which system calls.
//!
//! Three filters; the kernel asks all of them and does the strictest.
//!
//! 1. What running a component takes is allowed, with the arguments it takes; everything else answers `EPERM`. Not a
//!    kill: an honest call that is denied, a hard link for example, is the guest's to handle.
//! 2. `clone3` answers `ENOSYS`: its flags lie in memory where no filter sees them, and the C library then calls `clone`.
//! 3. What no guest can cause and every escape would try ends the process.

use std::collections::BTreeMap;

use libc::c_long;
use rustix::process::getpid;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};

/// The rules of one system call; none: whatever its arguments.
type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Allowed with any arguments, on every machine.
const ALLOWED: &[c_long] = &[
    // Files of the job, already confined by Landlock.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_preadv,
    libc::SYS_pwritev,
    libc::SYS_pwritev2,
    libc::SYS_preadv2,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_statx,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_getdents64,
    libc::SYS_openat,
    // Without it paths are walked in a way that can be raced.
    libc::SYS_openat2,
    libc::SYS_mkdirat,
    libc::SYS_unlinkat,
    libc::SYS_renameat2,
    libc::SYS_readlinkat,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_fadvise64,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    // Memory and threads of this process.
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_gettid,
    // An abort asks for it, to signal itself; without it, it ends as a violation of memory.
    libc::SYS_getpid,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_restart_syscall,
    // Answered by filter 2.
    libc::SYS_clone3,
    // Traps of guests are signals.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_getrandom,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    // Waiting, and the socket to the host.
    libc::SYS_ppoll,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_eventfd2,
    libc::SYS_recvmsg,
    libc::SYS_sendmsg,
];

/// The older forms that only this machine has.
#[cfg(target_arch = "x86_64")]
const ALLOWED_HERE: &[c_long] = &[libc::SYS_poll, libc::SYS_epoll_wait, libc::SYS_renameat];

/// `renameat`, which the libc crate does not name for this machine.
#[cfg(target_arch = "aarch64")]
const ALLOWED_HERE: &[c_long] = &[38];

/// What only an escape would call.
const TRIPWIRES: &[c_long] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_bpf,
    libc::SYS_io_uring_setup,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_userfaultfd,
    libc::SYS_perf_event_open,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_kexec_load,
    libc::SYS_open_by_handle_at,
];

/// `F_ADD_SEALS` and `F_GET_SEALS` stand for themselves; the rest is what files and descriptors take.
const FCNTL_COMMANDS: &[libc::c_int] = &[
    libc::F_DUPFD_CLOEXEC,
    libc::F_GETFD,
    libc::F_SETFD,
    libc::F_GETFL,
    libc::F_SETFL,
    libc::F_ADD_SEALS,
    libc::F_GET_SEALS,
];

/// Names a mapping for people who look at the process.
const PR_SET_VMA: libc::c_int = 0x5356_4d41;

/// Locks the calling thread and all it will start into the filters.
pub(super) fn restrict() -> Result<String, String> {
    let programs = [kill()?, no_clone3()?, allow()?];
    // The strictest last: it would deny the others.
    for program in &programs {
        apply_filter(program).map_err(|error| error.to_string())?;
    }
    let allowed = ALLOWED.len() + ALLOWED_HERE.len() + 5;
    Ok(format!("{allowed} system calls allowed, {} end the process", TRIPWIRES.len()))
}

fn allow() -> Result<BpfProgram, String> {
    let mut rules: Rules = ALLOWED.iter().chain(ALLOWED_HERE).map(|call| (*call, Vec::new())).collect();
    let is_thread = argument(0, SeccompCmpOp::MaskedEq(CLONE_LOOKED_AT), THREAD_FLAGS)?;
    rules.insert(libc::SYS_clone, vec![is_thread]);
    rules.insert(libc::SYS_fcntl, any_of(1, FCNTL_COMMANDS)?);
    rules.insert(libc::SYS_prctl, any_of(0, &[libc::PR_SET_NAME, PR_SET_VMA])?);
    // By descriptor only: by path it would change the times of files anywhere.
    rules.insert(libc::SYS_utimensat, vec![argument(1, SeccompCmpOp::Eq, 0)?]);
    // To itself, as a panic that aborts does.
    let own = u64::from(getpid().as_raw_nonzero().get().unsigned_abs());
    rules.insert(libc::SYS_tgkill, vec![argument(0, SeccompCmpOp::Eq, own)?]);
    compile(rules, SeccompAction::Errno(errno(libc::EPERM)), SeccompAction::Allow)
}

fn no_clone3() -> Result<BpfProgram, String> {
    let rules = Rules::from([(libc::SYS_clone3, Vec::new())]);
    compile(rules, SeccompAction::Allow, SeccompAction::Errno(errno(libc::ENOSYS)))
}

fn kill() -> Result<BpfProgram, String> {
    let rules = TRIPWIRES.iter().map(|call| (*call, Vec::new())).collect();
    compile(rules, SeccompAction::Allow, SeccompAction::KillProcess)
}

/// What makes a `clone` a thread: everything is shared.
const THREAD_FLAGS: u64 =
    flags(libc::CLONE_VM | libc::CLONE_FS | libc::CLONE_FILES | libc::CLONE_SIGHAND | libc::CLONE_THREAD);

/// What is looked at: the above, and what must not be there.
const CLONE_LOOKED_AT: u64 = THREAD_FLAGS
    | flags(
        libc::CLONE_NEWNS
            | libc::CLONE_NEWCGROUP
            | libc::CLONE_NEWUTS
            | libc::CLONE_NEWIPC
            | libc::CLONE_NEWUSER
            | libc::CLONE_NEWPID
            | libc::CLONE_NEWNET
            | libc::CLONE_PTRACE
            | libc::CLONE_UNTRACED
            | libc::CLONE_VFORK,
    );

const fn flags(flags: libc::c_int) -> u64 {
    flags.cast_unsigned() as u64
}

fn errno(errno: libc::c_int) -> u32 {
    errno.cast_unsigned()
}

fn argument(index: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompRule, String> {
    let condition = SeccompCondition::new(index, SeccompCmpArgLen::Qword, operator, value);
    condition.and_then(|condition| SeccompRule::new(vec![condition])).map_err(|error| error.to_string())
}

/// One rule for each value of a 32-bit argument.
fn any_of(index: u8, values: &[libc::c_int]) -> Result<Vec<SeccompRule>, String> {
    let rule = |value: &libc::c_int| {
        let value = u64::from(value.cast_unsigned());
        let condition = SeccompCondition::new(index, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value);
        condition.and_then(|condition| SeccompRule::new(vec![condition])).map_err(|error| error.to_string())
    };
    values.iter().map(rule).collect()
}

fn compile(rules: Rules, otherwise: SeccompAction, matched: SeccompAction) -> Result<BpfProgram, String> {
    let machine = std::env::consts::ARCH.try_into().map_err(|error| format!("{error:?}"))?;
    let filter = SeccompFilter::new(rules, otherwise, matched, machine).map_err(|error| error.to_string())?;
    filter.try_into().map_err(|error: seccompiler::BackendError| error.to_string())
}
