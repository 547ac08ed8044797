"""boto3's way to send files: `boto.py classic|crt PREFIX FILES…`, with the bucket in the environment.

classic: `upload_file`, above 100 MiB 10 MiB parts, ten at a time. crt: s3transfer over AWS's common runtime, with its
defaults; called below boto3, which would speak TLS to any endpoint.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
import botocore.session
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

ENDPOINT = os.environ["AWS_ENDPOINT_URL_S3"]
BUCKET = os.environ["S3_BUCKET_NAME"]
PATH_STYLE = {"addressing_style": "path"}
MEBI = 1024 * 1024


def classic(items: list[tuple[str, str]]) -> None:
    config = Config(s3=PATH_STYLE, max_pool_connections=40)
    client = boto3.client("s3", endpoint_url=ENDPOINT, config=config)
    transfer = TransferConfig(multipart_threshold=100 * MEBI, multipart_chunksize=10 * MEBI, max_concurrency=10)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda item: client.upload_file(item[0], BUCKET, item[1], Config=transfer), items))


def crt(items: list[tuple[str, str]]) -> None:
    from s3transfer import crt as runtime

    session = botocore.session.get_session()
    credentials = runtime.BotocoreCRTCredentialsWrapper(session.get_credentials()).to_crt_credentials_provider()
    client = runtime.create_s3_crt_client(
        os.environ["AWS_REGION"],
        credentials,
        use_ssl=ENDPOINT.startswith("https"),
        verify=os.environ.get("AWS_CA_BUNDLE"),
    )
    settings = {"endpoint_url": ENDPOINT, "config": Config(s3=PATH_STYLE)}
    serializer = runtime.BotocoreCRTRequestSerializer(session, settings)
    with runtime.CRTTransferManager(client, serializer) as manager:
        for future in [manager.upload(path, BUCKET, key) for path, key in items]:
            future.result()


def main() -> None:
    kind, prefix, *files = sys.argv[1:]
    items = [(path, f"{prefix}/{index}.mp4") for index, path in enumerate(files)]
    {"classic": classic, "crt": crt}[kind](items)


main()
