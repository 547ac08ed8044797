//! Apache OpenDAL: its writer with 8 MiB parts, four at a time; by default it would send one part after another.

use filmgate_bench_peers::{items, send_all, variable};
use opendal::Operator;
use opendal::services::S3;
use tokio::io::AsyncReadExt as _;

const PART: usize = 8 << 20;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let service = S3::default()
        .bucket(&variable("S3_BUCKET_NAME")?)
        .endpoint(&variable("AWS_ENDPOINT_URL_S3")?)
        .region(&variable("AWS_REGION")?)
        .access_key_id(&variable("AWS_ACCESS_KEY_ID")?)
        .secret_access_key(&variable("AWS_SECRET_ACCESS_KEY")?);
    let operator = Operator::new(service)?;
    send_all(items()?, |item| {
        let operator = operator.clone();
        async move {
            let mut file = tokio::fs::File::open(&item.path).await?;
            let size = usize::try_from(file.metadata().await?.len())?;
            file.set_max_buf_size(PART);
            let mut writer = operator.writer_with(&item.key).chunk(PART).concurrent(4).await?;
            let mut left = size;
            while left > 0 {
                let mut part = vec![0; PART.min(left)];
                file.read_exact(&mut part).await?;
                left -= part.len();
                writer.write(part).await?;
            }
            writer.close().await?;
            Ok(())
        }
    })
    .await
}
