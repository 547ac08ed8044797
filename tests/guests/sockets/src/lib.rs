//! A plugin that tries to reach the network: to open a TCP connection, to send a datagram, to look up a name.
//!
//! It is a component of its own because it imports `wasi:sockets`, which no other guest does: a host links it, as Python
//! and JavaScript runtimes need, and denies every call. `{"port": 80}` chooses the port on the loopback address.

use std::net::{TcpStream, ToSocketAddrs, UdpSocket};

use filmgate_plugin::{Error, Job};

#[derive(serde::Deserialize)]
struct Params {
    port: u16,
}

fn render(job: &Job<Params>) -> Result<serde_json::Value, Error> {
    let port = job.params.port;
    let tcp = TcpStream::connect(("127.0.0.1", port)).map(|_| "connected");
    let udp = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.send_to(b"hello", ("127.0.0.1", port)));
    let dns = ("localhost", port).to_socket_addrs().map(|addresses| addresses.count());
    Ok(serde_json::json!({
        "tcp": format!("{tcp:?}"),
        "udp": format!("{udp:?}"),
        "dns": format!("{dns:?}"),
    }))
}

filmgate_plugin::plugin!(render);
