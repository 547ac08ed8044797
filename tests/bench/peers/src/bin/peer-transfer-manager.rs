//! aws-sdk-s3-transfer-manager with its defaults.

use aws_sdk_s3_transfer_manager::io::InputStream;
use aws_sdk_s3_transfer_manager::{Client, Config, S3ClientConfig};
use filmgate_bench_peers::{items, sdk_config, send_all, variable};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let config = Config::builder().s3_config(S3ClientConfig::new(sdk_config().await)).build();
    let (client, bucket) = (Client::new(config), variable("S3_BUCKET_NAME")?);
    send_all(items()?, |item| {
        let (client, bucket) = (&client, &bucket);
        async move {
            let body = InputStream::from_path(&item.path)?;
            client.upload().bucket(bucket).key(item.key).body(body).initiate()?.join().await?;
            Ok(())
        }
    })
    .await
}
