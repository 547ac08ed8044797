//! An HTTP proxy in front of an S3 server that fails on demand.
//!
//! It forwards requests unchanged, `Host` included, so that their signatures hold. What fails is a plan: rules for
//! operations, each for so many requests, so that the same plan and the same requests fail in the same way.

mod answer;

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::http::HeaderValue;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response};
use hyper_util::rt::TokioIo;
use jiff::SignedDuration;
use tokio::net::TcpListener;

use crate::bucket::TestBucket;
use crate::http;
use answer::Body;

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
    /// The whole answer, so slowly that it takes two seconds.
    Drip,
    /// The true answer, but for the checksum it names.
    WrongChecksum,
    /// The true answer, but this header has this value, or is left out.
    Header(&'static str, Option<&'static str>),
    /// Nothing: the true answer. Lets a later rule begin at a later request.
    None,
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
    /// To how many requests, from the first on that no earlier rule of the operation applies to.
    pub times: usize,
}

struct State {
    upstream: String,
    plan: Mutex<Plan>,
    seen: Mutex<Vec<Seen>>,
}

#[derive(Default)]
struct Plan {
    /// What is left of each.
    rules: Vec<Rule>,
    /// How far the server's clock seems to be from the true time.
    clock: Option<SignedDuration>,
    tripwire: Option<Tripwire>,
}

/// Does something at a request.
struct Tripwire {
    /// At which request, from 0 on.
    at: usize,
    /// Whether the server has carried it out by then.
    after_commit: bool,
    act: Arc<dyn Fn() + Send + Sync>,
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
    /// Bytes of its body, as announced.
    pub bytes: u64,
}

impl Seen {
    /// The text of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// A running proxy; ends with the runtime, or when dropped.
pub struct FaultProxy {
    port: u16,
    state: Arc<State>,
    upstream: TestBucket,
    server: tokio::task::JoinHandle<()>,
}

impl FaultProxy {
    /// Starts one in front of `upstream`, on the current runtime.
    pub async fn start(upstream: TestBucket) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let address = format!("127.0.0.1:{}", upstream.endpoint.port().expect("a port"));
        let state = Arc::new(State { upstream: address, plan: Mutex::default(), seen: Mutex::default() });
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
        self.plan(rule);
    }

    /// The same with several rules. Those of one operation apply one after the other.
    pub fn plan(&self, rules: impl IntoIterator<Item = Rule>) {
        *self.state.plan() = Plan { rules: rules.into_iter().collect(), ..Plan::default() };
        self.state.seen.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// More rules, behind those there are.
    pub fn add(&self, rules: impl IntoIterator<Item = Rule>) {
        self.state.plan().rules.extend(rules);
    }

    /// From now on the server's clock is this far ahead: its answers carry that time, and as S3 it refuses requests whose
    /// time is more than 15 minutes from it. The true server must bear the signatures that follow from it.
    pub fn set_clock(&self, ahead: SignedDuration) {
        self.plan([]);
        self.state.plan().clock = Some(ahead);
    }

    /// Acts once, at the `at`th request from now on, counted from 0: before the server has it, which then never gets it, or
    /// after it carried it out.
    pub fn trip(&self, at: usize, after_commit: bool, act: impl Fn() + Send + Sync + 'static) {
        self.plan([]);
        self.state.plan().tripwire = Some(Tripwire { at, after_commit, act: Arc::new(act) });
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
    fn plan(&self) -> std::sync::MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a request; answers what is to happen to it.
    fn note(&self, request: &Request<Incoming>) -> Doom {
        let Some(operation) = operation(request) else { return Doom::default() };
        let headers = request.headers().clone();
        let length = headers.get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let number = seen.len();
        seen.push(Seen { operation, target: request.uri().to_string(), headers, bytes: length.unwrap_or_default() });
        let mut plan = self.plan();
        let tripwire = plan.tripwire.take_if(|wire| wire.at == number);
        let rule = plan.rules.iter_mut().find(|rule| rule.operation == operation && rule.times > 0);
        let rule = rule.map(|rule| {
            rule.times -= 1;
            *rule
        });
        Doom { rule, tripwire, clock: plan.clock }
    }
}

/// What is to happen to one request.
#[derive(Default)]
struct Doom {
    rule: Option<Rule>,
    tripwire: Option<Tripwire>,
    clock: Option<SignedDuration>,
}

/// An answer, or an error that makes hyper close the connection.
async fn answer(state: Arc<State>, request: Request<Incoming>) -> anyhow::Result<Response<Body>> {
    let Doom { rule, tripwire, clock } = state.note(&request);
    if let Some(clock) = clock
        && !answer::is_in_time(&request, clock)
    {
        return Ok(answer::skewed(clock, request.method() == Method::HEAD));
    }
    let is_head = request.method() == Method::HEAD;
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let forwarded = Request::from_parts(head, Full::new(body));
    if let Some(wire) = &tripwire {
        if wire.after_commit {
            forward(&state, forwarded).await?;
        }
        (wire.act)();
        anyhow::bail!("connection closed on purpose");
    }
    let Some(rule) = rule.filter(|rule| rule.fault != Fault::None) else {
        let mut answer = answer::whole(forward(&state, forwarded).await?);
        if let Some(clock) = clock {
            answer::set_date(&mut answer, clock);
        }
        return Ok(answer);
    };
    let mut upstream = None;
    if rule.after_commit
        || matches!(rule.fault, Fault::Truncated | Fault::Drip | Fault::WrongChecksum | Fault::Header(..))
    {
        upstream = Some(forward(&state, forwarded).await?);
    }
    match (rule.fault, upstream) {
        (Fault::Error(status, code), _) => Ok(answer::error(status, code, is_head)),
        (Fault::ErrorInside200(code), _) => Ok(answer::error(200, code, is_head)),
        (Fault::Empty200, _) => Ok(answer::whole(Response::new(Bytes::new()))),
        (Fault::Stall, _) => {
            // Longer than any test; ends with the connection.
            tokio::time::sleep(Duration::from_secs(600)).await;
            anyhow::bail!("nobody waited so long")
        }
        (Fault::Truncated, Some(answer)) if !is_head => Ok(answer::half(answer)),
        (Fault::Drip, Some(answer)) => {
            if is_head {
                // There is no body that could come slowly.
                tokio::time::sleep(answer::DRIPPING).await;
                return Ok(answer::whole(answer));
            }
            Ok(answer::dripping(answer))
        }
        (Fault::Header(name, value), Some(mut answer)) => {
            answer.headers_mut().remove(name);
            if let Some(value) = value {
                answer.headers_mut().insert(name, HeaderValue::from_static(value));
            }
            Ok(answer::whole(answer))
        }
        (Fault::WrongChecksum, Some(answer)) => Ok(answer::whole(answer::lying(answer))),
        _ => anyhow::bail!("connection closed on purpose"),
    }
}

/// A request that came whole is carried out whole, also where its client is gone: s3s-fs would leave half of an object.
async fn forward(state: &Arc<State>, request: Request<Full<Bytes>>) -> anyhow::Result<Response<Bytes>> {
    let state = Arc::clone(state);
    tokio::spawn(async move { http::send(&state.upstream, request).await }).await?
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
