//! arrow's object_store with its defaults: a `BufWriter`, which sends 10 MiB parts, eight at a time.

use std::sync::Arc;

use filmgate_bench_peers::{items, send_all, variable};
use object_store::ObjectStore;
use object_store::aws::AmazonS3Builder;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use tokio::io::AsyncWriteExt as _;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let store = AmazonS3Builder::from_env()
        .with_bucket_name(variable("S3_BUCKET_NAME")?)
        .with_endpoint(variable("AWS_ENDPOINT_URL_S3")?)
        .with_allow_http(true)
        .build()?;
    let store: Arc<dyn ObjectStore> = Arc::new(store);
    send_all(items()?, |item| {
        let store = Arc::clone(&store);
        async move {
            let mut file = tokio::fs::File::open(&item.path).await?;
            file.set_max_buf_size(1 << 20);
            let mut reader = tokio::io::BufReader::with_capacity(1 << 20, file);
            let mut writer = BufWriter::new(store, Path::from(item.key));
            tokio::io::copy_buf(&mut reader, &mut writer).await?;
            writer.shutdown().await?;
            Ok(())
        }
    })
    .await
}
