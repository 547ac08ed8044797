//! A plain HTTP client: what a browser or another program sees.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use url::Url;

/// Fetches a URL without any credentials.
///
/// # Panics
/// Where there is no answer.
pub async fn get(url: &Url) -> Response<Bytes> {
    let host = format!("{}:{}", url.host_str().expect("a host"), url.port_or_known_default().expect("a port"));
    let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let request = Request::get(target).header("host", &host).body(Full::new(Bytes::new())).expect("a request");
    send(&host, request).await.expect("an answer")
}

/// Sends one request on a connection of its own and reads the whole answer.
///
/// # Errors
/// Where the connection or the answer breaks.
pub async fn send(address: &str, request: Request<Full<Bytes>>) -> anyhow::Result<Response<Bytes>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(request).await?;
    let (head, body) = answer.into_parts();
    let body = body.collect().await?.to_bytes();
    connection.abort();
    Ok(Response::from_parts(head, body))
}
