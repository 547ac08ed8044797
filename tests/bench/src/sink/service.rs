use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::Line;
use super::connection::Connection;
use super::http::{Answer, Head};
use super::meter::Meter;
use super::object::{Object, Part, Store, Upload, announced, elements, kept_headers};

/// Bodies up to this size are kept and checked.
const SMALL_BYTES: u64 = 64 * 1024;
/// Behind the bytes of an `aws-chunked` body there is room for trailing checksums.
const TRAILER_BYTES: u64 = 512;
const CRC64NVME: &str = "x-amz-checksum-crc64nvme";

/// The store behind all connections.
pub(super) struct Service {
    line: Line,
    store: Mutex<Store>,
    /// When the line has room for the next byte.
    free_at: Mutex<Instant>,
    /// Counts bodies that are thrown away.
    meter: Meter,
}

/// What came as a body.
struct Body {
    size: u64,
    bytes: Option<Vec<u8>>,
    trailers: BTreeMap<String, String>,
}

impl Service {
    pub(super) fn new(line: Line) -> Self {
        Self { line, store: Mutex::default(), free_at: Mutex::new(Instant::now()), meter: Meter::default() }
    }

    pub(super) fn line(&self) -> &Line {
        &self.line
    }

    /// Reads the body of a request and answers it.
    pub(super) fn answer(&self, connection: &mut Connection, head: &Head) -> io::Result<()> {
        if head.header("expect").is_some() {
            connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let body = self.read_body(connection, head)?;
        thread::sleep(self.delay(head));
        let (answer, length) = self.act(head, body);
        let mut bytes = answer.to_bytes(length);
        if head.method == "HEAD" {
            let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
            bytes.truncate(end);
        }
        connection.write(&bytes)
    }

    fn delay(&self, head: &Head) -> Duration {
        if self.line.slow_every > 0 && head.query.contains_key("partNumber") {
            let mut store = self.store();
            store.parts += 1;
            // The middle of each round, so that a single upload meets one.
            if store.parts % self.line.slow_every == self.line.slow_every / 2 {
                return self.line.slow;
            }
        }
        self.line.first_byte
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_body(&self, connection: &mut Connection, head: &Head) -> io::Result<Body> {
        if head.is_chunked() {
            return self.read_chunked(connection, head);
        }
        let length = head.content_length();
        let size = head.decoded_length().unwrap_or(length);
        if length <= SMALL_BYTES {
            let bytes = connection.take(usize::try_from(length).map_err(io::Error::other)?)?;
            let trailers = if head.is_aws_chunked() { trailers(&bytes) } else { BTreeMap::new() };
            let bytes = (!head.is_aws_chunked()).then_some(bytes);
            return Ok(Body { size, bytes, trailers });
        }
        let kept = if head.is_aws_chunked() { TRAILER_BYTES } else { 0 };
        self.discard(connection, length - kept)?;
        let end = connection.take(usize::try_from(kept).map_err(io::Error::other)?)?;
        Ok(Body { size, bytes: None, trailers: trailers(&end) })
    }

    fn read_chunked(&self, connection: &mut Connection, head: &Head) -> io::Result<Body> {
        let mut total = 0;
        loop {
            let line = read_line(connection)?;
            let digits = line.split(';').next().unwrap_or_default().trim();
            let length = u64::from_str_radix(digits, 16).map_err(io::Error::other)?;
            if length == 0 {
                while !read_line(connection)?.is_empty() {}
                let size = head.decoded_length().unwrap_or(total);
                return Ok(Body { size, bytes: None, trailers: BTreeMap::new() });
            }
            self.discard(connection, length)?;
            read_line(connection)?;
            total += length;
        }
    }

    /// Throws bytes away, no faster than the line is.
    fn discard(&self, connection: &mut Connection, bytes: u64) -> io::Result<()> {
        let started = Instant::now();
        let shaped = self.line.per_connection > 0 || self.line.all > 0;
        let (mut left, mut gone) = (bytes, 0);
        while left > 0 {
            let most = if shaped { left.min(64 * 1024) } else { left };
            let count = connection.discard(most)?;
            left -= count;
            gone += count;
            self.meter.add(count);
            if self.line.per_connection > 0 {
                sleep_until(started + time_for(gone, self.line.per_connection));
            }
            if self.line.all > 0 {
                sleep_until(self.reserve(count));
            }
        }
        Ok(())
    }

    /// Takes room on the common line; answers when its turn has passed.
    fn reserve(&self, bytes: u64) -> Instant {
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        *free_at = (*free_at).max(Instant::now()) + time_for(bytes, self.line.all);
        *free_at
    }

    /// The answer, and for a HEAD the length of what is not sent.
    fn act(&self, head: &Head, body: Body) -> (Answer, Option<u64>) {
        let is_bucket = head.path.trim_matches('/').split_once('/').is_none();
        let query = |name: &str| head.query.get(name).map(String::as_str);
        match (head.method.as_str(), query("uploadId"), query("uploads").is_some()) {
            ("GET" | "HEAD" | "PUT" | "POST", None, _) if is_bucket => (self.bucket(head), None),
            ("GET", None, true) => (self.list_uploads(head), None),
            ("POST", None, true) => (self.create(head), None),
            ("PUT", Some(upload), _) => (self.part(head, upload, &body), None),
            ("POST", Some(upload), _) => (self.complete(head, upload, &body), None),
            ("DELETE", Some(upload), _) => (self.abort(upload), None),
            ("GET", Some(upload), _) => (self.list_parts(upload), None),
            ("PUT", None, _) => (self.put(head, body), None),
            ("DELETE", None, _) => {
                self.store().objects.remove(&head.path);
                (Answer::new(204), None)
            }
            ("GET" | "HEAD", None, _) => self.look(head),
            _ => (Answer::error(501, "NotImplemented"), None),
        }
    }

    fn bucket(&self, head: &Head) -> Answer {
        if head.method != "GET" {
            return Answer::new(200);
        }
        if head.query.contains_key("uploads") {
            return self.list_uploads(head);
        }
        if head.query.contains_key("received") {
            let received = self.meter.received();
            let told = json!({
                "bytes": received.bytes, "seconds": received.seconds, "best_second": received.best_second,
            });
            return Answer::new(200).with_body(told.to_string().into_bytes());
        }
        Answer::xml(200, "<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>")
    }

    fn put(&self, head: &Head, body: Body) -> Answer {
        let mut store = self.store();
        if head.header("if-none-match").is_some() && store.objects.contains_key(&head.path) {
            return Answer::error(412, "PreconditionFailed");
        }
        let checksums = announced(head).into_iter().chain(body.trailers).collect();
        if is_wrong(&checksums, body.bytes.as_deref()) {
            return Answer::error(400, "BadDigest");
        }
        let etag = store.next_id();
        let answer = with_checksums(Answer::new(200), &checksums).with("etag", quoted(&etag));
        let object = Object { size: body.size, etag, headers: kept_headers(head), checksums, bytes: body.bytes };
        store.objects.insert(head.path.clone(), object);
        answer
    }

    fn create(&self, head: &Head) -> Answer {
        let mut store = self.store();
        let id = store.next_id();
        let upload = Upload { path: head.path.clone(), headers: kept_headers(head), parts: BTreeMap::new() };
        store.uploads.insert(id.clone(), upload);
        let (bucket, key) = bucket_and_key(&head.path);
        Answer::xml(
            200,
            &format!(
                "<InitiateMultipartUploadResult><Bucket>{bucket}</Bucket><Key>{key}</Key>\
                 <UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
            ),
        )
    }

    fn part(&self, head: &Head, upload: &str, body: &Body) -> Answer {
        let mut store = self.store();
        let etag = store.next_id();
        let Some(upload) = store.uploads.get_mut(upload) else { return Answer::error(404, "NoSuchUpload") };
        let number = head.query.get("partNumber").and_then(|number| number.parse().ok());
        let Some(number) = number.filter(|number| (1..=10_000).contains(number)) else {
            return Answer::error(400, "InvalidArgument");
        };
        let mut checksums = announced(head);
        checksums.extend(body.trailers.clone());
        if is_wrong(&checksums, body.bytes.as_deref()) {
            return Answer::error(400, "BadDigest");
        }
        upload.parts.insert(number, Part { size: body.size, etag: etag.clone() });
        with_checksums(Answer::new(200), &checksums).with("etag", quoted(&etag))
    }

    fn complete(&self, head: &Head, id: &str, body: &Body) -> Answer {
        let mut store = self.store();
        if head.header("if-none-match").is_some() && store.objects.contains_key(&head.path) {
            return Answer::error(412, "PreconditionFailed");
        }
        let Some(upload) = store.uploads.get(id) else { return Answer::error(404, "NoSuchUpload") };
        let xml = String::from_utf8_lossy(body.bytes.as_deref().unwrap_or_default()).into_owned();
        // A list of parts too long to be kept is taken on trust.
        let named = elements(&xml, "PartNumber").len();
        if body.bytes.is_some() && named != upload.parts.len() {
            return Answer::error(400, "InvalidPart");
        }
        let (path, headers) = (upload.path.clone(), upload.headers.clone());
        let size = upload.parts.values().map(|part| part.size).sum();
        let etag = format!("{}-{}", store.next_id(), store.uploads[id].parts.len());
        let checksums = announced(head);
        let (bucket, key) = bucket_and_key(&path);
        let sums: String = checksums.iter().map(|(name, value)| checksum_element(name, value)).collect();
        let answer = Answer::xml(
            200,
            &format!(
                "<CompleteMultipartUploadResult><Location>{path}</Location><Bucket>{bucket}</Bucket><Key>{key}</Key>\
                 <ETag>&quot;{etag}&quot;</ETag>{sums}</CompleteMultipartUploadResult>"
            ),
        );
        store.uploads.remove(id);
        store.objects.insert(path, Object { size, etag, headers, checksums, bytes: None });
        answer
    }

    fn abort(&self, upload: &str) -> Answer {
        match self.store().uploads.remove(upload) {
            Some(_) => Answer::new(204),
            None => Answer::error(404, "NoSuchUpload"),
        }
    }

    fn list_parts(&self, id: &str) -> Answer {
        let store = self.store();
        let Some(upload) = store.uploads.get(id) else { return Answer::error(404, "NoSuchUpload") };
        let parts: String = upload
            .parts
            .iter()
            .map(|(number, part)| {
                format!(
                    "<Part><PartNumber>{number}</PartNumber><ETag>&quot;{}&quot;</ETag><Size>{}</Size></Part>",
                    part.etag, part.size
                )
            })
            .collect();
        Answer::xml(200, &format!("<ListPartsResult><UploadId>{id}</UploadId>{parts}</ListPartsResult>"))
    }

    fn list_uploads(&self, head: &Head) -> Answer {
        let prefix = head.query.get("prefix").cloned().unwrap_or_default();
        let store = self.store();
        let listed = store.uploads.iter().map(|(id, upload)| (id, bucket_and_key(&upload.path).1));
        let uploads: String = listed
            .filter(|(_, key)| key.starts_with(&prefix))
            .map(|(id, key)| format!("<Upload><Key>{key}</Key><UploadId>{id}</UploadId></Upload>"))
            .collect();
        Answer::xml(
            200,
            &format!(
                "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>{uploads}</ListMultipartUploadsResult>"
            ),
        )
    }

    fn look(&self, head: &Head) -> (Answer, Option<u64>) {
        let store = self.store();
        let Some(object) = store.objects.get(&head.path) else {
            return (Answer::error(404, "NoSuchKey"), None);
        };
        let mut answer = Answer::new(200).with("etag", quoted(&object.etag));
        answer = answer.with("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT").with("accept-ranges", "bytes");
        for (name, value) in &object.headers {
            answer = answer.with(name, value);
        }
        if head.header("x-amz-checksum-mode").is_some() {
            answer = with_checksums(answer, &object.checksums);
        }
        match (&object.bytes, head.method.as_str()) {
            (_, "HEAD") => (answer, Some(object.size)),
            (Some(bytes), _) => (answer.with_body(bytes.clone()), None),
            (None, _) => (Answer::error(501, "NotImplemented"), None),
        }
    }
}

/// Whether bytes that are at hand have another CRC64NVME than announced.
fn is_wrong(checksums: &BTreeMap<String, String>, bytes: Option<&[u8]>) -> bool {
    let (Some(told), Some(bytes)) = (checksums.get(CRC64NVME), bytes) else { return false };
    let true_one = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, bytes);
    aws_smithy_types::base64::encode(true_one.to_be_bytes()) != *told
}

fn with_checksums(mut answer: Answer, checksums: &BTreeMap<String, String>) -> Answer {
    for (name, value) in checksums {
        answer = answer.with(name, value);
    }
    if checksums.contains_key(CRC64NVME) { answer.with("x-amz-checksum-type", "FULL_OBJECT") } else { answer }
}

/// `x-amz-checksum-crc64nvme` is `ChecksumCRC64NVME` in XML.
fn checksum_element(name: &str, value: &str) -> String {
    let algorithm = name.trim_start_matches("x-amz-checksum-").to_ascii_uppercase();
    format!("<Checksum{algorithm}>{value}</Checksum{algorithm}>")
}

/// The trailers of an `aws-chunked` body: `x-amz-checksum-crc32:…` on lines of their own.
fn trailers(end: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(end);
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines
        .filter(|(name, _)| name.starts_with("x-amz-checksum-"))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect()
}

fn read_line(connection: &mut Connection) -> io::Result<String> {
    loop {
        if let Some(at) = connection.ahead().windows(2).position(|two| two == b"\r\n") {
            let line = connection.take(at + 2)?;
            return Ok(String::from_utf8_lossy(&line[..at]).into_owned());
        }
        if !connection.read_ahead()? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn bucket_and_key(path: &str) -> (String, String) {
    let (bucket, key) = path.trim_start_matches('/').split_once('/').unwrap_or((path, ""));
    (bucket.to_owned(), percent_encoding::percent_decode_str(key).decode_utf8_lossy().into_owned())
}

fn quoted(etag: &str) -> String {
    format!("\"{etag}\"")
}

fn time_for(bytes: u64, rate: u64) -> Duration {
    Duration::from_secs_f64(bytes as f64 / rate as f64)
}

fn sleep_until(when: Instant) {
    thread::sleep(when.saturating_duration_since(Instant::now()));
}
