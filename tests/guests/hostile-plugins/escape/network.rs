//! Reaches for the network: connects, listens, sends a datagram, looks up names.

use std::net::{TcpListener, TcpStream, ToSocketAddrs as _, UdpSocket};

use hostile_plugins::say;

hostile_plugins::plugin!(|job| {
    let port: u16 = job.params.parse().unwrap_or(0);
    let mut reached = Vec::new();
    for address in ["127.0.0.1", "0.0.0.0", "::1", "169.254.169.254"] {
        if TcpStream::connect((address, port)).is_ok() {
            reached.push(format!("tcp {address}"));
        }
        if TcpListener::bind((address, 0)).is_ok() {
            reached.push(format!("listen {address}"));
        }
        if UdpSocket::bind((address, 0)).and_then(|socket| socket.send_to(b"hello", ("127.0.0.1", port))).is_ok() {
            reached.push(format!("udp {address}"));
        }
    }
    for name in ["localhost", "example.com", "metadata.google.internal"] {
        if (name, port).to_socket_addrs().is_ok_and(|mut addresses| addresses.next().is_some()) {
            reached.push(format!("name {name}"));
        }
    }
    say(format_args!("reached {reached:?}"));
    Ok(String::new())
});
