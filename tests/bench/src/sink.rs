//! An S3-like server that throws the bytes away with as little work as there can be.
//!
//! It answers what an honest store answers: ETags, checksums as they were announced, and a HEAD with the object's size,
//! metadata and checksum. It checks what costs nothing: preconditions, part numbers and sizes, and the CRC64NVME of bodies
//! up to 64 KiB, so that a client that probes it learns the truth about it. It does not check signatures, nor checksums of
//! large bodies: those bytes are never copied out of the kernel.

mod connection;
mod http;
mod meter;
mod object;
mod service;

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

use connection::Connection;
use service::Service;

/// How the way to the server behaves; all zero: as fast as the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Line {
    /// From the last byte of a request to the first of its answer.
    pub first_byte: Duration,
    /// Bytes a second on one connection.
    pub per_connection: u64,
    /// Bytes a second on all connections together.
    pub all: u64,
    /// Every so-manieth part takes as long as `slow`.
    pub slow_every: u64,
    /// How long.
    pub slow: Duration,
}

/// A server that listens.
pub struct Sink {
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    service: Arc<Service>,
    port: u16,
}

impl Sink {
    /// Speaks HTTP on a free port of this machine.
    ///
    /// # Errors
    /// Where no port is free.
    pub fn plain(line: Line) -> std::io::Result<Self> {
        Self::listen(line, None)
    }

    /// Speaks HTTPS; answers the certificate to trust, PEM, made for this run.
    ///
    /// # Errors
    /// Where no port is free, or no key can be made.
    pub fn tls(line: Line) -> anyhow::Result<(Self, String)> {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names)?;
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).map_err(anyhow::Error::msg)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)?;
        Ok((Self::listen(line, Some(Arc::new(config)))?, made.cert.pem()))
    }

    fn listen(line: Line, tls: Option<Arc<ServerConfig>>) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        Ok(Self { listener, tls, service: Arc::new(Service::new(line)), port })
    }

    /// Its address.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// Serves for as long as the process lives: a thread a connection.
    pub fn serve_in_background(self) {
        thread::spawn(move || {
            for stream in self.listener.incoming().flatten() {
                let (tls, service) = (self.tls.clone(), Arc::clone(&self.service));
                thread::spawn(move || serve(stream, tls, &service));
            }
        });
    }
}

/// A client that goes away, or breaks off, is its own business.
fn serve(stream: TcpStream, tls: Option<Arc<ServerConfig>>, service: &Service) {
    let shaped = service.line().per_connection > 0 || service.line().all > 0;
    let Ok(mut connection) = Connection::new(stream, tls, shaped) else { return };
    while let Ok(Some(head)) = http::read_head(&mut connection) {
        if service.answer(&mut connection, &head).is_err() || head.closes() {
            return;
        }
    }
}
