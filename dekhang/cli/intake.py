"""`dekhang intake …`: what the administrator sets up for the receivers on the server itself.

`certificate`: TLS certificates of a first installation; `feeds`: what is fetched for a source: files, folders, a bucket.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from dekhang.cli.django import add_data_option, setup_existing
from dekhang.pipeline.receive.certificate import make_client, make_server
from dekhang.pipeline.receive.part import CannotStart


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("intake", help="cổng nhận log: chứng chỉ TLS, nơi lấy log")
    actions = parser.add_subparsers(dest="action", metavar="VIỆC", required=True)
    certificate = actions.add_parser("certificate", help="tạo chứng chỉ TLS cho lần cài đầu, bằng lệnh openssl của máy")
    add_data_option(certificate)
    certificate.add_argument(
        "--name",
        action="append",
        default=[],
        help="tên máy hoặc địa chỉ mà máy gửi dùng để nối tới (ghi nhiều lần được)",
    )
    certificate.add_argument("--client", metavar="TÊN", help="tạo chứng chỉ cho một máy gửi, thay vì cho máy này")
    certificate.set_defaults(run=run_certificate)
    feeds = actions.add_parser("feeds", help="đặt những gì hệ thống tự lấy cho một nguồn; không ghi gì là không lấy gì")
    add_data_option(feeds)
    feeds.add_argument("--source", type=int, required=True, metavar="SỐ", help="số của nguồn log (xem: canary list)")
    feeds.add_argument(
        "--tail", action="append", default=[], metavar="TỆP", help="tệp trên máy này, đọc khi nó dài thêm"
    )
    feeds.add_argument("--folder", action="append", default=[], metavar="DIR", help="thư mục thả tệp trên máy này")
    feeds.add_argument("--bucket", metavar="TÊN", help="kho S3 để lấy đối tượng")
    feeds.add_argument("--prefix", default="", help="chỉ lấy đối tượng có tên bắt đầu như vậy")
    feeds.add_argument("--endpoint", default="", metavar="URL", help="địa chỉ kho; bỏ trống: của Amazon")
    feeds.add_argument("--region", default="us-east-1")
    feeds.add_argument("--access-key", default="", help="khóa truy cập; bỏ trống: kho mở cho mọi người")
    feeds.add_argument("--secret-file", type=Path, metavar="TỆP", help="tệp chứa khóa bí mật")
    feeds.add_argument(
        "--every", type=int, default=30, metavar="GIÂY", help="bao lâu nhìn vào kho một lần (%(default)s)"
    )
    feeds.set_defaults(run=run_feeds)


def run_certificate(args: argparse.Namespace) -> int:
    folder = args.data.resolve() / "tls"
    try:
        if args.client:
            made = make_client(folder, args.client)
        elif args.name:
            made = make_server(folder, args.name)
        else:
            raise CannotStart("Cần --name: tên máy hoặc địa chỉ mà máy gửi dùng để nối tới.")
    except CannotStart as problem:
        print(problem, file=sys.stderr)
        return 2
    print(f"chứng chỉ   {made.certificate}\nkhóa        {made.key}\nnơi cấp     {made.ca}")
    if args.client:
        print(f"dấu vân tay {made.fingerprint}\nChép ba tệp ấy sang máy gửi; khai dấu vân tay ở nguồn log của nó.")
    else:
        print(
            f"Chép {made.ca.name} sang các máy gửi (giữ ca.key như mật khẩu), rồi chạy:\n"
            f"dekhang up --tls-cert {made.certificate} --tls-key {made.key} --tls-ca {made.ca}"
        )
    return 0


def run_feeds(args: argparse.Namespace) -> int:
    if not setup_existing(args.data):
        return 2
    from dekhang.apps.core.errors import ActionDenied
    from dekhang.apps.sources.models import LogSource
    from dekhang.apps.sources.services import set_feeds
    from dekhang.pipeline.stores.intake import Bucket, keep_secret

    source = LogSource.objects.filter(pk=args.source).first()
    if source is None:
        print(f"Không có nguồn log số {args.source}. Xem: dekhang canary list.", file=sys.stderr)
        return 2
    if args.access_key and args.secret_file is None:
        print("Có --access-key thì cần --secret-file: tệp chứa khóa bí mật.", file=sys.stderr)
        return 2
    bucket = None
    if args.bucket:
        bucket = Bucket(args.bucket, args.prefix, args.endpoint, args.region, args.access_key, args.every)
    try:
        secret = args.secret_file.read_text(encoding="utf-8").strip() if args.secret_file is not None else ""
        set_feeds(source=source, tail_paths=args.tail, folders=args.folder, bucket=bucket, by=None)
        keep_secret(args.data, source.pk, secret if bucket is not None else "")
    except (ActionDenied, OSError, UnicodeDecodeError) as problem:
        print(problem, file=sys.stderr)
        return 2
    taken = [*args.tail, *args.folder, *([f"kho {args.bucket}/{args.prefix}"] if args.bucket else [])]
    print(f"Nguồn {source.pk} ({source.name}): " + (f"lấy từ {', '.join(taken)}." if taken else "không lấy gì."))
    return 0
