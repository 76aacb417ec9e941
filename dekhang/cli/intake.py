"""`dekhang intake certificate`: TLS certificates for the receivers and for senders, for a first installation."""

import argparse
import sys
from typing import Any

from dekhang.cli.django import add_data_option
from dekhang.pipeline.receive.certificate import make_client, make_server
from dekhang.pipeline.receive.part import CannotStart


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("intake", help="cổng nhận log: chứng chỉ TLS")
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
    certificate.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
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
