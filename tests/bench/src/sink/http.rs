use std::collections::HashMap;
use std::io;

use super::connection::Connection;

/// Longest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// A request without its body. Names of headers are in lower case.
pub(super) struct Head {
    pub(super) method: String,
    /// As sent, without the query.
    pub(super) path: String,
    pub(super) query: HashMap<String, String>,
    headers: HashMap<String, String>,
}

impl Head {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(super) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether the client wants no further request on this connection.
    pub(super) fn closes(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    pub(super) fn is_chunked(&self) -> bool {
        self.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
    }

    /// Whether the body is framed for signatures or trailing checksums.
    pub(super) fn is_aws_chunked(&self) -> bool {
        self.header("content-encoding").is_some_and(|value| value.contains("aws-chunked"))
    }

    pub(super) fn content_length(&self) -> u64 {
        self.header("content-length").and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    /// Bytes of the object in the body.
    pub(super) fn decoded_length(&self) -> Option<u64> {
        self.header("x-amz-decoded-content-length").and_then(|value| value.parse().ok())
    }
}

/// The next request; none at the end of the connection.
pub(super) fn read_head(connection: &mut Connection) -> io::Result<Option<Head>> {
    loop {
        if let Some((head, length)) = parse(connection.ahead())? {
            connection.consume(length);
            return Ok(Some(head));
        }
        if connection.ahead().len() > HEAD_BYTES_MAX {
            return Err(io::Error::other("the head of a request is too long"));
        }
        if !connection.read_ahead()? {
            return Ok(None);
        }
    }
}

fn parse(bytes: &[u8]) -> io::Result<Option<(Head, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(length) = request.parse(bytes).map_err(io::Error::other)? else { return Ok(None) };
    let target = request.path.unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    let head = Head {
        method: request.method.unwrap_or_default().to_owned(),
        path: path.to_owned(),
        query: query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect(),
        headers: request.headers.iter().map(|one| (one.name.to_ascii_lowercase(), text(one.value))).collect(),
    };
    Ok(Some((head, length)))
}

fn pair(text: &str) -> (String, String) {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let decoded = percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned();
    (name.to_owned(), decoded)
}

/// An answer under construction.
pub(super) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    pub(super) fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    pub(super) fn xml(status: u16, body: &str) -> Self {
        let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{body}").into_bytes();
        Self { body, ..Self::new(status) }.with("content-type", "application/xml")
    }

    /// S3's form of an error.
    pub(super) fn error(status: u16, code: &str) -> Self {
        Self::xml(status, &format!("<Error><Code>{code}</Code><Message>the sink says {code}</Message></Error>"))
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(super) fn with_body(self, body: Vec<u8>) -> Self {
        Self { body, ..self }
    }

    /// `length` where a HEAD tells the length of a body it does not send.
    pub(super) fn to_bytes(&self, length: Option<u64>) -> Vec<u8> {
        let length = length.unwrap_or(self.body.len() as u64);
        let mut head = format!("HTTP/1.1 {} X\r\ncontent-length: {length}\r\nx-amz-request-id: SINK\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}
