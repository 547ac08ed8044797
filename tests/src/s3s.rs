//! s3s-fs, a small S3 server that is stricter than Garage in places, inside the test process.

use std::net::Ipv4Addr;
use std::sync::Arc;

use async_trait::async_trait;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::S3Result;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::SimpleAuth;
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::S3ServiceBuilder;
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::bucket::TestBucket;

const BUCKET: &str = "filmgate-tests";
const ACCESS_KEY: &str = "S3STESTACCESSKEY";
/// A canary, as Garage's.
const SECRET_KEY: &str = "canary-5ec2e7-s3s-secret";

/// A running server with one bucket; ends with the runtime, or when dropped.
#[derive(Debug)]
pub struct S3sServer {
    port: u16,
    server: tokio::task::JoinHandle<()>,
    dir: TempDir,
}

impl S3sServer {
    /// Starts one on a free port, on the current runtime.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// One whose objects everyone may read and write, as in a public bucket.
    pub async fn start_public() -> Self {
        Self::start_with(|builder| builder.set_access(Everyone)).await
    }

    /// One that takes signatures of any time.
    pub async fn start_timeless() -> Self {
        let mut config = S3Config::default();
        config.presigned_url_max_skew_time_secs = 24 * 60 * 60;
        let config = Arc::new(StaticConfigProvider::new(Arc::new(config)));
        Self::start_with(|builder| builder.set_config(config)).await
    }

    async fn start_with(change: impl FnOnce(&mut S3ServiceBuilder)) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        std::fs::create_dir(dir.path().join(BUCKET)).expect("create the bucket");
        let files = s3s_fs::FileSystem::new(dir.path()).expect("open the directory");
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        change(&mut builder);
        let service = builder.build();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    let connection = Builder::new(TokioExecutor::new());
                    // A client that goes away is its own business.
                    let _ = connection.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { port, server, dir }
    }

    /// The ids of the multipart uploads that nobody has completed or aborted: s3s-fs keeps a file for each.
    ///
    /// # Panics
    /// If its folder cannot be listed.
    pub fn open_uploads(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.dir.path()).expect("list the server's folder").flatten();
        let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter_map(|name| Some(name.strip_prefix(".upload-")?.strip_suffix(".json")?.to_owned())).collect()
    }

    /// Takes them away, past the server.
    ///
    /// # Panics
    /// If one cannot be removed.
    pub fn forget_uploads(&self) {
        for id in self.open_uploads() {
            std::fs::remove_file(self.dir.path().join(format!(".upload-{id}.json"))).expect("remove an upload");
        }
    }

    /// Its bucket.
    pub fn bucket(&self) -> TestBucket {
        TestBucket {
            endpoint: format!("http://127.0.0.1:{}", self.port).parse().expect("a URL"),
            region: "us-east-1".to_owned(),
            name: BUCKET.to_owned(),
            access_key_id: ACCESS_KEY.to_owned(),
            secret_access_key: SECRET_KEY.to_owned(),
        }
    }
}

/// Lets anonymous requests in.
struct Everyone;

#[async_trait]
impl S3Access for Everyone {
    async fn check(&self, _request: &mut S3AccessContext<'_>) -> S3Result<()> {
        Ok(())
    }
}

impl Drop for S3sServer {
    fn drop(&mut self) {
        self.server.abort();
    }
}
