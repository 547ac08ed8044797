//! s3s-fs, a small S3 server that is stricter than Garage in places, inside the test process.

use std::net::Ipv4Addr;

use async_trait::async_trait;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::S3Result;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::SimpleAuth;
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
    _dir: TempDir,
}

impl S3sServer {
    /// Starts one on a free port, on the current runtime.
    pub async fn start() -> Self {
        Self::start_with(false).await
    }

    /// One whose objects everyone may read and write, as in a public bucket.
    pub async fn start_public() -> Self {
        Self::start_with(true).await
    }

    async fn start_with(public: bool) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        std::fs::create_dir(dir.path().join(BUCKET)).expect("create the bucket");
        let files = s3s_fs::FileSystem::new(dir.path()).expect("open the directory");
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        if public {
            builder.set_access(Everyone);
        }
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
        Self { port, server, _dir: dir }
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
