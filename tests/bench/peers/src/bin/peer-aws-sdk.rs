//! aws-sdk-s3 with its defaults: `PutObject`, above 100 MiB a multipart upload of 16 MiB parts, four at a time, each part
//! a `ByteStream` of the file.

use std::path::Path;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::{ByteStream, Length};
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use filmgate_bench_peers::{Item, items, sdk_config, send_all, variable};
use futures::{StreamExt as _, TryStreamExt as _};

const PART: u64 = 16 << 20;
const SINGLE_MAX: u64 = 100 << 20;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (client, bucket) = (Client::from_conf(sdk_config().await.build()), variable("S3_BUCKET_NAME")?);
    send_all(items()?, |item| send(&client, &bucket, item)).await
}

async fn send(client: &Client, bucket: &str, item: Item) -> anyhow::Result<()> {
    let size = std::fs::metadata(&item.path)?.len();
    if size <= SINGLE_MAX {
        let body = ByteStream::from_path(&item.path).await?;
        client.put_object().bucket(bucket).key(&item.key).body(body).send().await?;
        return Ok(());
    }
    let create = client.create_multipart_upload().bucket(bucket).key(&item.key);
    let created = create.checksum_algorithm(ChecksumAlgorithm::Crc32).send().await?;
    let id = created.upload_id().unwrap_or_default();
    let numbers = 0..size.div_ceil(PART);
    let parts = numbers.map(|index| part(client, bucket, &item.key, id, &item.path, index, size));
    let parts: Vec<CompletedPart> = futures::stream::iter(parts).buffered(4).try_collect().await?;
    let whole = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    client
        .complete_multipart_upload()
        .bucket(bucket)
        .key(&item.key)
        .upload_id(id)
        .multipart_upload(whole)
        .send()
        .await?;
    Ok(())
}

async fn part(
    client: &Client,
    bucket: &str,
    key: &str,
    id: &str,
    path: &Path,
    index: u64,
    size: u64,
) -> anyhow::Result<CompletedPart> {
    let (offset, number) = (index * PART, i32::try_from(index + 1)?);
    let length = Length::Exact(PART.min(size - offset));
    let body = ByteStream::read_from().path(path).offset(offset).length(length).build().await?;
    let request = client.upload_part().bucket(bucket).key(key).upload_id(id).part_number(number);
    let sent = request.checksum_algorithm(ChecksumAlgorithm::Crc32).body(body).send().await?;
    let done = CompletedPart::builder().part_number(number).set_e_tag(sent.e_tag().map(str::to_owned));
    Ok(done.set_checksum_crc32(sent.checksum_crc32().map(str::to_owned)).build())
}
