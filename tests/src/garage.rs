//! Garage, a production S3 store, as a process of its own.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::bucket::TestBucket;

const BUCKET: &str = "filmgate-tests";
const REGION: &str = "garage-region";
const ACCESS_KEY: &str = "GK0123456789abcdef01234567";
/// A canary: looks like nothing else, so that a search for it in logs and messages is sure.
const SECRET_KEY: &str = "5ec2e7ca4a2b0d0e5ec2e7ca4a2b0d0e5ec2e7ca4a2b0d0e5ec2e7ca4a2b0d0e";
/// Garage is ready in a quarter of a second on an idle machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the command behind it until this process closes the pipe to it or ends, however it ends; then removes the folder.
const GUARD: &str =
    r#"dir=$1; shift; "$@" </dev/null & child=$!; read -r _; kill $child; wait $child; rm -rf -- "$dir""#;

/// A running server with one bucket. It ends with this process, or when dropped.
#[derive(Debug)]
pub struct Garage {
    guard: Child,
    s3_port: u16,
    dir: PathBuf,
}

impl Garage {
    /// The one server that the tests of a binary share; each uses keys of its own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Garage> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts a server of its own.
    ///
    /// # Panics
    /// Where Garage is not installed, or does not become ready within a minute.
    pub fn start() -> Self {
        let binary = tools().join("bin").join("garage");
        assert!(binary.is_file(), "{} is missing: run tests/tools/install.sh garage", binary.display());
        // A port that was free a moment ago may be taken: another try has others.
        let mut log = String::new();
        for _ in 0..5 {
            // The guard removes it.
            let dir = TempDir::new().expect("a temporary directory").keep();
            match launch(&binary, &dir) {
                Ok((guard, s3_port)) => return Self { guard, s3_port, dir },
                Err(said) => log = said,
            }
        }
        panic!("garage did not start:\n{log}");
    }

    /// Its bucket.
    pub fn bucket(&self) -> TestBucket {
        TestBucket {
            endpoint: format!("http://127.0.0.1:{}", self.s3_port).parse().expect("a URL"),
            region: REGION.to_owned(),
            name: BUCKET.to_owned(),
            access_key_id: ACCESS_KEY.to_owned(),
            secret_access_key: SECRET_KEY.to_owned(),
        }
    }

    /// What the server wrote.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }
}

impl Drop for Garage {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        // The guard ends when its server has.
        let _ = self.guard.wait();
    }
}

fn tools() -> PathBuf {
    if let Some(tools) = std::env::var_os("FILMGATE_TOOLS") {
        return PathBuf::from(tools);
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache");
    cache.unwrap_or_else(home).join("filmgate").join("tools")
}

/// One attempt: the guard and the S3 port, or the log where the server did not become healthy.
fn launch(binary: &Path, dir: &Path) -> Result<(Child, u16), String> {
    let [rpc, s3, web, admin] = free_ports();
    let path = dir.display();
    let config = format!(
        "metadata_dir = \"{path}/meta\"\n\
         data_dir = \"{path}/data\"\n\
         db_engine = \"sqlite\"\n\
         metadata_fsync = false\n\
         data_fsync = false\n\
         replication_factor = 1\n\
         block_size = \"10M\"\n\
         compression_level = \"none\"\n\
         rpc_bind_addr = \"127.0.0.1:{rpc}\"\n\
         rpc_public_addr = \"127.0.0.1:{rpc}\"\n\
         rpc_secret = \"{}\"\n\
         [s3_api]\n\
         s3_region = \"{REGION}\"\n\
         api_bind_addr = \"127.0.0.1:{s3}\"\n\
         root_domain = \".s3.localhost\"\n\
         [s3_web]\n\
         bind_addr = \"127.0.0.1:{web}\"\n\
         root_domain = \".web.localhost\"\n\
         index = \"index.html\"\n\
         [admin]\n\
         api_bind_addr = \"127.0.0.1:{admin}\"\n",
        "0".repeat(64)
    );
    let config_file = dir.join("garage.toml");
    std::fs::write(&config_file, config).expect("write configuration");
    let log = std::fs::File::create(dir.join("log")).expect("create log");
    let mut guard = Command::new("sh")
        .args(["-c", GUARD, "garage-guard"])
        .arg(dir)
        .arg(binary)
        .args(["server", "--single-node", "--default-bucket"])
        .env("GARAGE_CONFIG_FILE", &config_file)
        .env("GARAGE_DEFAULT_ACCESS_KEY", ACCESS_KEY)
        .env("GARAGE_DEFAULT_SECRET_KEY", SECRET_KEY)
        .env("GARAGE_DEFAULT_BUCKET", BUCKET)
        .stdin(Stdio::piped())
        .stdout(log.try_clone().expect("a second handle"))
        .stderr(log)
        .spawn()
        .expect("start garage");
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if is_healthy(admin) {
            return Ok((guard, s3));
        }
        let said = std::fs::read_to_string(dir.join("log")).unwrap_or_default();
        if said.contains("Address already in use") {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let said = std::fs::read_to_string(dir.join("log")).unwrap_or_default();
    drop(guard.stdin.take());
    let _ = guard.wait();
    Err(said)
}

/// Ports that nobody uses now. All four are held at once, so that they differ.
fn free_ports() -> [u16; 4] {
    let held = [(); 4].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port"));
    held.map(|listener| listener.local_addr().expect("its address").port())
}

fn is_healthy(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        write!(stream, "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}
