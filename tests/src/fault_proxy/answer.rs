//! Answers that no honest server gives.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::HeaderValue;
use hyper::{Request, Response};
use jiff::{SignedDuration, Timestamp};

use super::{MESSAGE, REQUEST_ID};

pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// How long a dripping answer takes, at least.
pub(super) const DRIPPING: Duration = Duration::from_secs(2);
/// Pieces of a dripping body.
const DRIPS: usize = 100;
/// What S3 bears between its clock and a signature's.
const SKEW_MAX: SignedDuration = SignedDuration::from_mins(15);
/// A CRC64NVME that hardly any object has.
const OTHER_CHECKSUM: &str = "AAAAAAAAAAA=";
const CHECKSUM_HEADER: &str = "x-amz-checksum-crc64nvme";

pub(super) fn whole(answer: Response<Bytes>) -> Response<Body> {
    answer.map(|body| Full::new(body).map_err(infallible).boxed_unsync())
}

pub(super) fn error(status: u16, code: &str, is_head: bool) -> Response<Body> {
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
pub(super) fn half(answer: Response<Bytes>) -> Response<Body> {
    let (mut head, body) = answer.into_parts();
    let claimed = body.len().max(100);
    head.headers.insert("content-length", claimed.into());
    head.headers.remove("transfer-encoding");
    let pieces = [Ok(Frame::data(body.slice(..body.len() / 2))), Err(io::Error::other("cut off on purpose"))];
    Response::from_parts(head, BodyExt::boxed_unsync(StreamBody::new(stream::iter(pieces))))
}

/// The whole answer, in a hundred pieces. An answer without a body gets one of spaces.
pub(super) fn dripping(answer: Response<Bytes>) -> Response<Body> {
    let (mut head, mut body) = answer.into_parts();
    if body.is_empty() {
        body = Bytes::from_static(&[b' '; DRIPS]);
    }
    head.headers.insert("content-length", body.len().into());
    head.headers.remove("transfer-encoding");
    let piece = body.len().div_ceil(DRIPS);
    let pieces: Vec<Bytes> =
        (0..body.len()).step_by(piece).map(|at| body.slice(at..body.len().min(at + piece))).collect();
    let pause = DRIPPING / u32::try_from(pieces.len()).unwrap_or(u32::MAX);
    let pieces = stream::iter(pieces).then(move |piece| async move {
        tokio::time::sleep(pause).await;
        Ok(Frame::data(piece))
    });
    Response::from_parts(head, BodyExt::boxed_unsync(StreamBody::new(pieces)))
}

/// The same answer with another checksum: in its head, and in its body where it has one there.
pub(super) fn lying(answer: Response<Bytes>) -> Response<Bytes> {
    let (mut head, body) = answer.into_parts();
    head.headers.insert(CHECKSUM_HEADER, HeaderValue::from_static(OTHER_CHECKSUM));
    let (open, close) = ("<ChecksumCRC64NVME>", "</ChecksumCRC64NVME>");
    let text = std::str::from_utf8(&body).ok().and_then(|text| {
        let (before, rest) = text.split_once(open)?;
        let (_, after) = rest.split_once(close)?;
        Some(Bytes::from(format!("{before}{open}{OTHER_CHECKSUM}{close}{after}")))
    });
    let body = text.unwrap_or(body);
    if head.headers.contains_key("content-length") && !body.is_empty() {
        head.headers.insert("content-length", body.len().into());
    }
    Response::from_parts(head, body)
}

/// Whether a server whose clock is `ahead` takes the time of the request's signature.
pub(super) fn is_in_time(request: &Request<Incoming>, ahead: SignedDuration) -> bool {
    let date = request.headers().get("x-amz-date").and_then(|date| date.to_str().ok());
    let signed = date.and_then(|date| {
        let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date).ok()?;
        time.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|time| time.timestamp())
    });
    // What is not signed has no time that could be wrong.
    signed.is_none_or(|signed| signed.duration_since(Timestamp::now() + ahead).abs() <= SKEW_MAX)
}

pub(super) fn skewed(ahead: SignedDuration, is_head: bool) -> Response<Body> {
    let mut answer = error(403, "RequestTimeTooSkewed", is_head);
    set_date(&mut answer, ahead);
    answer
}

pub(super) fn set_date(answer: &mut Response<Body>, ahead: SignedDuration) {
    let date = (Timestamp::now() + ahead).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    answer.headers_mut().insert("date", HeaderValue::try_from(date).expect("a date is a header"));
}

fn infallible(never: Infallible) -> io::Error {
    match never {}
}
