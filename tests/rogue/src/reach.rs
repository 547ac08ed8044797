use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};

/// Tries one thing that no runner may do. Success is an escape.
pub(crate) fn reach(what: &str, host: u32, outbox: &OwnedFd, inputs: &OwnedFd) -> io::Result<()> {
    let host = i64::from(host);
    let (verb, path) = what.split_once(' ').unwrap_or((what, ""));
    match verb {
        "read" => std::fs::read(path).map(drop),
        "read-host" => std::fs::read(format!("/proc/{host}/{path}")).map(drop),
        "list" => std::fs::read_dir(path).map(drop),
        "write" => std::fs::write(path, b"was here"),
        "append" => File::options().append(true).open(path).map(drop),
        "truncate" => File::options().write(true).truncate(true).open(path).map(drop),
        "delete" => std::fs::remove_file(path),
        "make" => std::fs::create_dir(path),
        "write-inputs" => std::fs::write(format!("/proc/self/fd/{}/new", inputs.as_raw_fd()), b"was here"),
        "move-out" => {
            let inside = format!("/proc/self/fd/{}/inside", outbox.as_raw_fd());
            std::fs::write(&inside, b"mine")?;
            std::fs::rename(inside, path)
        }
        "link-in" => std::fs::hard_link(path, format!("/proc/self/fd/{}/linked", outbox.as_raw_fd())),
        "symlink" => {
            let link = format!("/proc/self/fd/{}/link", outbox.as_raw_fd());
            std::os::unix::fs::symlink(path, link)
        }
        "chmod" => {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777))
        }
        "touch" => call(libc::SYS_utimensat, [-100, text(path), 0, 0]),
        "socket-tcp" => call(libc::SYS_socket, [2, 1, 0, 0]),
        "socket-udp" => call(libc::SYS_socket, [2, 2, 0, 0]),
        "socket-unix" => call(libc::SYS_socket, [1, 1, 0, 0]),
        "socketpair" => call(libc::SYS_socketpair, [1, 1, 0, text("12345678")]),
        "connect" => call(libc::SYS_connect, [0, text("\u{1}\0/"), 3, 0]),
        "bind" => call(libc::SYS_bind, [0, text("\u{1}\0/"), 3, 0]),
        "signal-host" => call(libc::SYS_kill, [host, 0, 0, 0]),
        "signal-thread-of-host" => call(libc::SYS_tgkill, [host, host, 0, 0]),
        "pidfd" => call(libc::SYS_pidfd_open, [host, 0, 0, 0]),
        "trace-host" => call(libc::SYS_ptrace, [16, host, 0, 0]),
        "read-memory-of-host" => call(libc::SYS_process_vm_readv, [host, 0, 0, 0]),
        "exec" => call(libc::SYS_execve, [text("/bin/true"), 0, 0, 0]),
        "fork" => call(libc::SYS_clone, [17, 0, 0, 0]),
        "namespace" => call(libc::SYS_unshare, [0x1000_0000, 0, 0, 0]),
        "mount" => call(libc::SYS_mount, [text("/"), text("/"), 0, 0]),
        "io-uring" => call(libc::SYS_io_uring_setup, [1, text("0123456789012345678901234567890123456789"), 0, 0]),
        "bpf" => call(libc::SYS_bpf, [0, 0, 0, 0]),
        "set-user" => call(libc::SYS_setresuid, [1, 1, 1, 0]),
        "raise-limit" => call(libc::SYS_prlimit64, [0, 7, text("\u{10}\0\0\0\0\0\0\0\u{10}\0\0\0\0\0\0\0"), 0]),
        "become-dumpable" => call(libc::SYS_prctl, [4, 1, 0, 0]),
        "anonymous-file" => call(libc::SYS_memfd_create, [text("x"), 0, 0, 0]),
        "change-root" => call(libc::SYS_chroot, [text("/"), 0, 0, 0]),
        "change-directory" => call(libc::SYS_chdir, [text("/"), 0, 0, 0]),
        "flood-disk" => flood(outbox),
        other => panic!("no such attempt: {other}"),
    }
}

/// More than the job may write, file by file: no single one is over its limit.
fn flood(outbox: &OwnedFd) -> io::Result<()> {
    let piece = vec![1; 1 << 20];
    for number in 0..10_000 {
        let mut file = File::create(format!("/proc/self/fd/{}/flood-{number}", outbox.as_raw_fd()))?;
        (0..8).try_for_each(|_| file.write_all(&piece))?;
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    Ok(())
}

/// An address that the kernel may read; what it points to stays, the process is short-lived.
fn text(text: &str) -> i64 {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    bytes.leak().as_mut_ptr() as i64
}

fn call(number: i64, arguments: [i64; 4]) -> io::Result<()> {
    let [a, b, c, d] = arguments;
    // SAFETY: the calls are refused before they look at their arguments; where one was not, the pointers are valid.
    #[expect(unsafe_code, reason = "an escaped guest calls the kernel as it likes")]
    let answer = unsafe { libc::syscall(number, a, b, c, d) };
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
