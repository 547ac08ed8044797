//! What the contenders send to: the sink, or Garage, each a process of its own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

/// A server that runs until this is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    folder: TempDir,
    /// `http://127.0.0.1:…`
    pub url: String,
    /// The certificate to trust, where it speaks HTTPS.
    pub certificate: Option<PathBuf>,
    /// Its bucket.
    pub bucket: &'static str,
    /// The region that signatures must name.
    pub region: &'static str,
    /// The key's id.
    pub access_key: &'static str,
    /// The key; opens nothing but this server.
    pub secret_key: &'static str,
}

/// Garage wants 24 and 64 hexadecimal digits.
const ACCESS_KEY: &str = "GK0123456789abcdef01234567";
const SECRET_KEY: &str = "5ec2e7ca4a2b0d0e5ec2e7ca4a2b0d0e5ec2e7ca4a2b0d0e5ec2e7ca4a2b0d0e";
/// Garage is ready in a quarter of a second on an idle machine.
const PATIENCE: Duration = Duration::from_secs(60);

impl Server {
    /// Starts the sink; `options` go to its command line.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn sink(binary: &Path, tls: bool, options: &[String]) -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let certificate = tls.then(|| folder.path().join("certificate.pem"));
        let mut command = Command::new(binary);
        command.args(options).stdin(Stdio::piped()).stdout(Stdio::piped());
        if let Some(path) = &certificate {
            command.arg("--certificate").arg(path);
        }
        let mut child = command.spawn().with_context(|| format!("start {}", binary.display()))?;
        let mut url = String::new();
        BufReader::new(child.stdout.take().context("a pipe")?).read_line(&mut url)?;
        let url = url.trim().to_owned();
        if url.is_empty() {
            bail!("the sink ended before it told its address");
        }
        Ok(Self::of(child, folder, url, certificate))
    }

    /// Starts Garage, which tests/tools/install.sh installs.
    ///
    /// # Errors
    /// Where it is not installed, or is not ready within a minute.
    pub fn garage(binary: &Path) -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let held = [(); 4].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        let mut ports = [0; 4];
        for (port, listener) in ports.iter_mut().zip(&held) {
            *port = listener.as_ref().map_err(|error| anyhow::anyhow!("{error}"))?.local_addr()?.port();
        }
        drop(held);
        let [rpc, s3, web, admin] = ports;
        let path = folder.path().display();
        let config = format!(
            "metadata_dir = \"{path}/meta\"\ndata_dir = \"{path}/data\"\ndb_engine = \"sqlite\"\n\
             metadata_fsync = false\ndata_fsync = false\nreplication_factor = 1\nblock_size = \"10M\"\n\
             compression_level = \"none\"\nrpc_bind_addr = \"127.0.0.1:{rpc}\"\n\
             rpc_public_addr = \"127.0.0.1:{rpc}\"\nrpc_secret = \"{}\"\n\
             [s3_api]\ns3_region = \"garage\"\napi_bind_addr = \"127.0.0.1:{s3}\"\n\
             [s3_web]\nbind_addr = \"127.0.0.1:{web}\"\nroot_domain = \".web.localhost\"\nindex = \"index.html\"\n\
             [admin]\napi_bind_addr = \"127.0.0.1:{admin}\"\n",
            "0".repeat(64)
        );
        let config_file = folder.path().join("garage.toml");
        std::fs::write(&config_file, config)?;
        let log = std::fs::File::create(folder.path().join("log"))?;
        let child = Command::new(binary)
            .args(["server", "--single-node", "--default-bucket"])
            .env("GARAGE_CONFIG_FILE", &config_file)
            .env("GARAGE_DEFAULT_ACCESS_KEY", ACCESS_KEY)
            .env("GARAGE_DEFAULT_SECRET_KEY", SECRET_KEY)
            .env("GARAGE_DEFAULT_BUCKET", "bench")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("start {}", binary.display()))?;
        let mut server = Self::of(child, folder, format!("http://127.0.0.1:{s3}"), None);
        server.region = "garage";
        let started = Instant::now();
        while !is_healthy(admin) {
            if started.elapsed() > PATIENCE {
                let log = std::fs::read_to_string(server.folder.path().join("log")).unwrap_or_default();
                bail!("garage is not ready: {log}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    fn of(child: Child, folder: TempDir, url: String, certificate: Option<PathBuf>) -> Self {
        let (access_key, secret_key) = (ACCESS_KEY, SECRET_KEY);
        Self { child, folder, url, certificate, bucket: "bench", region: "us-east-1", access_key, secret_key }
    }

    /// The variables with which every S3 tool finds it.
    pub fn add_to(&self, command: &mut Command) {
        command
            .env("AWS_ACCESS_KEY_ID", self.access_key)
            .env("AWS_SECRET_ACCESS_KEY", self.secret_key)
            .env("AWS_REGION", self.region)
            .env("AWS_DEFAULT_REGION", self.region)
            .env("AWS_ENDPOINT_URL_S3", &self.url)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("S3_BUCKET_NAME", self.bucket);
        if let Some(path) = &self.certificate {
            command.env("AWS_CA_BUNDLE", path).env("SSL_CERT_FILE", path);
        }
    }

    /// Multipart uploads that are open, by asking it.
    ///
    /// # Errors
    /// Where it does not answer.
    pub fn open_uploads(&self) -> anyhow::Result<usize> {
        Ok(self.ask("uploads")?.matches("<UploadId>").count())
    }

    /// What the sink counted of the bodies that it threw away: `bytes`, `seconds` from the first to the last of them, and
    /// `best_second`, most bytes within any second.
    ///
    /// # Errors
    /// Where it does not answer.
    pub fn received(&self) -> anyhow::Result<serde_json::Value> {
        let answer = self.ask("received")?;
        let (_, body) = answer.split_once("\r\n\r\n").context("an answer with a body")?;
        serde_json::from_str(body).context("read what the sink counted")
    }

    /// The answer to a request about the bucket, as it comes.
    fn ask(&self, query: &str) -> anyhow::Result<String> {
        let address = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address)?;
        let bucket = self.bucket;
        write!(stream, "GET /{bucket}?{query} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// The server's own CPU seconds so far: shows how much of the machine it takes away.
    pub fn cpu(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks: f64 = fields.iter().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
        // USER_HZ is 100 on every Linux of today.
        ticks / 100.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The sink ends with its input, Garage when it is told to.
        drop(self.child.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_healthy(port: u16) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        write!(stream, "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}
