//! A bucket on some test server.

use std::time::Duration;

use filmgate::storage::s3::{Bucket, Credentials, S3Settings, UploadOptions};
use url::Url;

/// Where a test server keeps its bucket, and who may use it.
#[derive(Debug, Clone)]
pub struct TestBucket {
    /// `http://127.0.0.1:…`
    pub endpoint: Url,
    /// The region that signatures must name.
    pub region: String,
    /// Its name.
    pub name: String,
    /// The key's id.
    pub access_key_id: String,
    /// The key, a canary: it must not be found in any output.
    pub secret_access_key: String,
}

impl TestBucket {
    /// Settings for this bucket with time-outs and waits short enough for tests.
    pub fn settings(&self) -> S3Settings {
        let bucket = Bucket::try_from(self.name.clone()).expect("a bucket name");
        let credentials = Credentials::Static {
            access_key_id: self.access_key_id.clone(),
            secret_access_key: self.secret_access_key.clone(),
            session_token: None,
        };
        let mut settings = S3Settings::new(bucket, &self.region, credentials);
        settings.endpoint = Some(self.endpoint.clone());
        settings.upload = UploadOptions {
            retry_delay: Duration::from_millis(5),
            request_timeout: Duration::from_secs(20),
            ..UploadOptions::default()
        };
        settings
    }

    /// The SDK's own client, to look at the bucket without the code under test.
    pub fn observer(&self) -> aws_sdk_s3::Client {
        use aws_sdk_s3::config::{BehaviorVersion, Builder, Credentials, Region};
        let config = Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .credentials_provider(Credentials::new(&self.access_key_id, &self.secret_access_key, None, None, "test"))
            .endpoint_url(self.endpoint.as_str().trim_end_matches('/'))
            .force_path_style(true)
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }
}
