//! An HTTP proxy in front of an S3 server that fails on demand.
//!
//! It forwards requests unchanged, `Host` included, so that their signatures hold.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use futures::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::http::HeaderValue;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::bucket::TestBucket;
use crate::http;

/// Id that made-up answers carry.
pub const REQUEST_ID: &str = "FAULTPROXY0REQUEST";
/// Message that made-up errors carry.
pub const MESSAGE: &str = "the fault proxy says no";

/// The S3 operations that storage uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are S3's own")]
pub enum Operation {
    CreateMultipartUpload,
    UploadPart,
    CompleteMultipartUpload,
    AbortMultipartUpload,
    ListParts,
    ListMultipartUploads,
    PutObject,
    HeadObject,
    GetObject,
    DeleteObject,
    ListObjectsV2,
}

/// What happens instead of the true answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// An error with this status and code.
    Error(u16, &'static str),
    /// An error in an answer with status 200.
    ErrorInside200(&'static str),
    /// Status 200 and nothing else.
    Empty200,
    /// The connection is closed without an answer.
    Reset,
    /// No answer for ever.
    Stall,
    /// The answer's first half.
    Truncated,
    /// The true answer, but this header has this value, or is left out.
    Header(&'static str, Option<&'static str>),
}

/// When a rule applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// To which requests.
    pub operation: Operation,
    /// What happens.
    pub fault: Fault,
    /// Whether the server carries the request out all the same.
    pub after_commit: bool,
    /// To how many requests, from the first on.
    pub times: usize,
}

#[derive(Debug)]
struct State {
    upstream: String,
    rule: Mutex<Option<Rule>>,
    seen: Mutex<Vec<Seen>>,
}

/// A request that came by.
#[derive(Debug, Clone)]
pub struct Seen {
    /// What it asked for.
    pub operation: Operation,
    /// Its target, as sent.
    pub target: String,
    /// Its headers.
    pub headers: HeaderMap,
}

impl Seen {
    /// The text of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// A running proxy; ends with the runtime, or when dropped.
#[derive(Debug)]
pub struct FaultProxy {
    port: u16,
    state: Arc<State>,
    upstream: TestBucket,
    server: tokio::task::JoinHandle<()>,
}

type Body = BoxBody<Bytes, std::io::Error>;

impl FaultProxy {
    /// Starts one in front of `upstream`, on the current runtime.
    pub async fn start(upstream: TestBucket) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let address = format!("127.0.0.1:{}", upstream.endpoint.port().expect("a port"));
        let state = Arc::new(State { upstream: address, rule: Mutex::default(), seen: Mutex::default() });
        let shared = Arc::clone(&state);
        let server = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                tokio::spawn(async move {
                    let service = service_fn(move |request| answer(Arc::clone(&state), request));
                    // Broken connections are this proxy's purpose.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(connection), service).await;
                });
            }
        });
        Self { port, state, upstream, server }
    }

    /// The upstream's bucket, through the proxy.
    pub fn bucket(&self) -> TestBucket {
        let endpoint = format!("http://127.0.0.1:{}", self.port).parse().expect("a URL");
        TestBucket { endpoint, ..self.upstream.clone() }
    }

    /// Applies `rule` from now on, and forgets the requests so far.
    pub fn set(&self, rule: Option<Rule>) {
        *self.state.rule.lock().unwrap_or_else(PoisonError::into_inner) = rule;
        self.state.seen.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The requests since the rule was set.
    pub fn seen(&self) -> Vec<Operation> {
        self.requests().iter().map(|request| request.operation).collect()
    }

    /// The same with their headers.
    pub fn requests(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl State {
    /// Notes a request; answers the rule that applies to it.
    fn note(&self, request: &Request<Incoming>) -> Option<Rule> {
        let operation = operation(request)?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push(Seen { operation, target: request.uri().to_string(), headers: request.headers().clone() });
        let count = seen.iter().filter(|earlier| earlier.operation == operation).count();
        let rule = *self.rule.lock().unwrap_or_else(PoisonError::into_inner);
        rule.filter(|rule| rule.operation == operation && count <= rule.times)
    }
}

/// An answer, or an error that makes hyper close the connection.
async fn answer(state: Arc<State>, request: Request<Incoming>) -> anyhow::Result<Response<Body>> {
    let rule = state.note(&request);
    let is_head = request.method() == Method::HEAD;
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let forwarded = Request::from_parts(head, Full::new(body));
    let Some(rule) = rule else { return Ok(whole(http::send(&state.upstream, forwarded).await?)) };
    let mut upstream = None;
    if rule.after_commit || matches!(rule.fault, Fault::Truncated | Fault::Header(..)) {
        upstream = Some(http::send(&state.upstream, forwarded).await?);
    }
    match rule.fault {
        Fault::Error(status, code) => Ok(error(status, code, is_head)),
        Fault::ErrorInside200(code) => Ok(error(200, code, is_head)),
        Fault::Empty200 => Ok(whole(Response::new(Bytes::new()))),
        Fault::Reset => anyhow::bail!("connection closed on purpose"),
        Fault::Stall => {
            // Longer than any test; ends with the connection.
            tokio::time::sleep(Duration::from_secs(600)).await;
            anyhow::bail!("nobody waited so long")
        }
        Fault::Truncated => match upstream {
            Some(answer) if !is_head => Ok(half(answer)),
            _ => anyhow::bail!("connection closed on purpose"),
        },
        Fault::Header(name, value) => {
            let mut answer = upstream.context("an answer")?;
            answer.headers_mut().remove(name);
            if let Some(value) = value {
                answer.headers_mut().insert(name, HeaderValue::from_static(value));
            }
            Ok(whole(answer))
        }
    }
}

fn operation(request: &Request<Incoming>) -> Option<Operation> {
    let query = request.uri().query().unwrap_or_default();
    let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    Some(match *request.method() {
        Method::POST if has("uploads") => Operation::CreateMultipartUpload,
        Method::POST if has("uploadId") => Operation::CompleteMultipartUpload,
        Method::PUT if has("partNumber") => Operation::UploadPart,
        Method::PUT => Operation::PutObject,
        Method::DELETE if has("uploadId") => Operation::AbortMultipartUpload,
        Method::DELETE => Operation::DeleteObject,
        Method::HEAD => Operation::HeadObject,
        Method::GET if has("uploadId") => Operation::ListParts,
        Method::GET if has("uploads") => Operation::ListMultipartUploads,
        Method::GET if has("list-type") => Operation::ListObjectsV2,
        Method::GET => Operation::GetObject,
        _ => return None,
    })
}

fn whole(answer: Response<Bytes>) -> Response<Body> {
    answer.map(|body| Full::new(body).map_err(infallible).boxed())
}

fn error(status: u16, code: &str, is_head: bool) -> Response<Body> {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{MESSAGE}</Message>\
         <RequestId>{REQUEST_ID}</RequestId></Error>"
    );
    let body = if is_head { Bytes::new() } else { Bytes::from(body) };
    let answer = Response::builder()
        .status(status)
        .header("x-amz-request-id", REQUEST_ID)
        .header("content-type", "application/xml")
        .body(body);
    whole(answer.expect("an answer"))
}

/// The head and half of the body, then the connection closes. An answer without a body claims to have one.
fn half(answer: Response<Bytes>) -> Response<Body> {
    let (mut head, body) = answer.into_parts();
    let claimed = body.len().max(100);
    head.headers.insert("content-length", claimed.into());
    head.headers.remove("transfer-encoding");
    let pieces = [Ok(Frame::data(body.slice(..body.len() / 2))), Err(std::io::Error::other("cut off on purpose"))];
    Response::from_parts(head, BodyExt::boxed(StreamBody::new(stream::iter(pieces))))
}

fn infallible(never: Infallible) -> std::io::Error {
    match never {}
}
