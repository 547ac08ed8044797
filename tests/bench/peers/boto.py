"""boto3's upload_file: `boto.py classic|crt PREFIX FILES…`, with the bucket in the environment.

classic: 10 MiB parts, ten at a time. crt: s3transfer over AWS's common runtime, with its defaults.
"""

import os
import sys

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from concurrent.futures import ThreadPoolExecutor


def main() -> None:
    kind, prefix, *files = sys.argv[1:]
    endpoint = os.environ["AWS_ENDPOINT_URL_S3"]
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        use_ssl=endpoint.startswith("https"),
        config=Config(s3={"addressing_style": "path"}, max_pool_connections=40),
    )
    mebi = 1024 * 1024
    config = TransferConfig(multipart_threshold=100 * mebi, multipart_chunksize=10 * mebi, max_concurrency=10)
    if kind == "crt":
        config = TransferConfig(preferred_transfer_client="crt")
    bucket = os.environ["S3_BUCKET_NAME"]

    def send(item: tuple[int, str]) -> None:
        index, path = item
        client.upload_file(path, bucket, f"{prefix}/{index}.mp4", Config=config)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send, enumerate(files)))


main()
