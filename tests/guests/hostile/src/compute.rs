//! Behaviours that use up the machine: time, memory, stack, handles.

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::Duration;

use crate::Answer;
use crate::bindings::wasi::{cli, filesystem, random};

const MIB: usize = 1024 * 1024;

pub(crate) fn run(behaviour: &str, number: usize) -> Option<Answer> {
    Some(match behaviour {
        "spin" => spin(),
        "spin-for-ms" => spin_for(number),
        "fill-memory-forever" => fill_forever(),
        "sleep" => sleep(number),
        "recurse" => Ok(recurse(1).to_string()),
        "recurse-in-locals" => Ok(ackermann(4, number as u64).to_string()),
        "unreachable" => std::process::abort(),
        "panic" => panic_deep(),
        "exit" => exit(number),
        "allocate" => allocate(number),
        "try-allocate" => try_allocate(number),
        "print" => print(number),
        "print-cut-characters" => print_cut_characters(),
        "print-invalid" => print_invalid(),
        "surroundings" => surroundings(),
        "handles" => handles(),
        "stdout-handles" => stdout_handles(),
        "random" => Ok(random::random::get_random_bytes(number as u64).len().to_string()),
        "summary" => Ok("x".repeat(number)),
        "network" => network(),
        _ => return None,
    })
}

fn spin() -> Answer {
    let mut round = 0_u64;
    loop {
        round = black_box(round.wrapping_add(1));
    }
}

fn spin_for(milliseconds: usize) -> Answer {
    let start = std::time::Instant::now();
    let mut rounds = 0_u64;
    while start.elapsed() < Duration::from_millis(milliseconds as u64) {
        for _ in 0..10_000 {
            rounds = black_box(rounds + 1);
        }
    }
    Ok("done".into())
}

/// Nearly all of the time is spent in the instruction `memory.fill`, which the host may carry out.
fn fill_forever() -> Answer {
    let mut memory = vec![0_u8; 32 * MIB];
    loop {
        black_box(&mut memory).fill(7);
    }
}

fn sleep(milliseconds: usize) -> Answer {
    std::thread::sleep(Duration::from_millis(milliseconds as u64));
    Ok("awake".into())
}

/// Fills the part of the stack that lies in linear memory.
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 16]);
    if frame[7] == 0 {
        return 0;
    }
    black_box(recurse(frame[3] + 1)) + frame[5]
}

/// Fills the host's part of the stack: nothing here needs an address.
fn ackermann(left: u64, right: u64) -> u64 {
    match (left, right) {
        (0, right) => right + 1,
        (left, 0) => ackermann(left - 1, 1),
        (left, right) => ackermann(left - 1, ackermann(left, right - 1)),
    }
}

fn panic_deep() -> Answer {
    panic!("the guest's own words")
}

#[expect(clippy::exit, reason = "ending without an answer is the behaviour")]
fn exit(status: usize) -> Answer {
    std::process::exit(i32::try_from(status).unwrap_or(1))
}

fn allocate(mebibytes: usize) -> Answer {
    let mut kept = Vec::new();
    for _ in 0..mebibytes {
        kept.push(black_box(vec![1_u8; MIB]));
    }
    Ok(kept.len().to_string())
}

fn try_allocate(mebibytes: usize) -> Answer {
    let mut memory: Vec<u8> = Vec::new();
    match memory.try_reserve_exact(mebibytes * MIB) {
        Ok(()) => Ok("granted".into()),
        Err(_) => Ok("refused".into()),
    }
}

fn print(bytes: usize) -> Answer {
    let line = [b'x'; 1000];
    let mut left = bytes;
    let mut out = std::io::stdout().lock();
    while left > 0 {
        let now = left.min(line.len());
        out.write_all(&line[..now]).map_err(|error| error.to_string())?;
        left -= now;
    }
    out.flush().map_err(|error| error.to_string())?;
    Ok("printed".into())
}

/// Every byte in a call of its own, the two streams in turns.
fn print_cut_characters() -> Answer {
    let (out, err) = (cli::stdout::get_stdout(), cli::stderr::get_stderr());
    for byte in "é漢🎬".bytes() {
        out.blocking_write_and_flush(&[byte]).map_err(|error| format!("{error:?}"))?;
        err.blocking_write_and_flush(&[byte]).map_err(|error| format!("{error:?}"))?;
    }
    Ok("printed".into())
}

fn print_invalid() -> Answer {
    let out = cli::stdout::get_stdout();
    out.blocking_write_and_flush(b"a\xff\xfeb\xf0\x9f").map_err(|error| format!("{error:?}"))?;
    Ok("printed".into())
}

fn surroundings() -> Answer {
    let mut input = Vec::new();
    let read = std::io::stdin().read_to_end(&mut input);
    Ok(format!(
        "env {} args {} cwd {:?} stdin {read:?}",
        cli::environment::get_environment().len(),
        cli::environment::get_arguments().len(),
        cli::environment::initial_cwd(),
    ))
}

fn handles() -> Answer {
    let mut kept = Vec::new();
    loop {
        kept.push(filesystem::preopens::get_directories());
    }
}

fn stdout_handles() -> Answer {
    let mut kept = Vec::new();
    loop {
        let stream = cli::stdout::get_stdout();
        kept.push((stream.subscribe(), stream));
    }
}

fn network() -> Answer {
    let tcp = TcpStream::connect("127.0.0.1:9").map(drop);
    let listen = TcpListener::bind("127.0.0.1:0").map(drop);
    let udp = UdpSocket::bind("127.0.0.1:0").map(drop);
    let name = "localhost:80".to_socket_addrs().map(|addresses| addresses.count());
    Ok([tcp.is_ok(), listen.is_ok(), udp.is_ok(), name.is_ok()].map(|reached| reached.to_string()).join(" "))
}
