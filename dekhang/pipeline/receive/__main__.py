"""`python -m dekhang.pipeline.receive http|syslog|files|lines --data DIR …`"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from pathlib import Path

from dekhang.pipeline.receive.part import WRONG_USE, CannotStart, leave
from dekhang.pipeline.receive.tls import TlsFiles
from dekhang.pipeline.spool.writer import FREE_FLOOR_BYTES


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m dekhang.pipeline.receive", description="Nhận nhật ký từ các đơn vị và ghi xuống đĩa."
    )
    parts = parser.add_subparsers(dest="part", required=True)
    for name, about in (
        ("http", "cổng HTTP: Elasticsearch _bulk, Splunk HEC, OTLP, NDJSON"),
        ("syslog", "cổng syslog UDP và TCP"),
        ("files", "tệp tải lên và tệp theo dõi"),
        ("lines", "syslog và files trong một tiến trình"),
    ):
        part = parts.add_parser(name, help=about)
        part.add_argument("--data", type=Path, default=Path("var"), help="thư mục dữ liệu (mặc định: var)")
        part.add_argument(
            "--free-floor-mb",
            type=int,
            default=FREE_FLOOR_BYTES // 1024 // 1024,
            help="ngừng nhận khi ổ đĩa còn trống ít hơn số MB này (mặc định: %(default)s)",
        )
        part.add_argument(
            "--spool-max-mb",
            type=int,
            default=0,
            help="chỗ trên đĩa cho log chờ xử lý, tính bằng MB; hết chỗ thì bảo máy gửi chờ "
            "(mặc định: một nửa phần đĩa còn trống)",
        )
        if name != "files":
            part.add_argument("--host", default="127.0.0.1", help="địa chỉ lắng nghe (mặc định: %(default)s)")
            part.add_argument("--tls-cert", type=Path, help="tệp PEM: chứng chỉ của máy này, kèm chuỗi cấp")
            part.add_argument("--tls-key", type=Path, help="tệp PEM: khóa của chứng chỉ ấy, không đặt mật khẩu")
            part.add_argument("--tls-ca", type=Path, help="tệp PEM: nơi cấp chứng chỉ cho máy gửi (nếu máy gửi trình)")
        if name == "http":
            part.add_argument("--port", type=int, default=8020, help="cổng, 0 là không mở (mặc định: %(default)s)")
            part.add_argument("--tls-port", type=int, default=0, help="cổng HTTPS, 0 là không mở")
            part.add_argument("--writer", type=int, default=1, help="số của bộ ghi khi chạy nhiều tiến trình")
        if name in ("syslog", "lines"):
            part.add_argument("--udp", type=int, default=5514, help="cổng UDP, 0 là không mở (mặc định: %(default)s)")
            part.add_argument("--tcp", type=int, default=5514, help="cổng TCP, 0 là không mở (mặc định: %(default)s)")
            part.add_argument(
                "--tls-port", type=int, default=0, help="cổng syslog qua TLS (thường là 6514), 0 là không mở"
            )
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s {options.part} %(levelname)s %(message)s")
    floor = options.free_floor_mb * 1024 * 1024
    spool_max = options.spool_max_mb * 1024 * 1024
    try:
        tls = _tls_of(options)
        if options.part == "http":
            from dekhang.pipeline.receive.serve_http import serve_http

            asyncio.run(
                serve_http(
                    options.data,
                    options.host,
                    options.port,
                    writer=options.writer,
                    tls_port=options.tls_port,
                    tls=tls,
                    free_floor_bytes=floor,
                    spool_max_bytes=spool_max,
                )
            )
        else:
            from dekhang.pipeline.receive.serve_lines import serve_lines

            with_syslog = options.part in ("syslog", "lines")
            asyncio.run(
                serve_lines(
                    options.data,
                    name=options.part,
                    host=options.host if with_syslog else "127.0.0.1",
                    udp_port=options.udp if with_syslog else 0,
                    tcp_port=options.tcp if with_syslog else 0,
                    tls_port=options.tls_port if with_syslog else 0,
                    tls=tls,
                    files=options.part in ("files", "lines"),
                    free_floor_bytes=floor,
                    spool_max_bytes=spool_max,
                )
            )
    except CannotStart as problem:
        print(problem, file=sys.stderr)  # noqa: T201 - the sentence is for the person who started us
        return WRONG_USE
    leave()
    return 0


def _tls_of(options: argparse.Namespace) -> TlsFiles | None:
    """The TLS files given. Raises CannotStart when a TLS port has none."""
    port = getattr(options, "tls_port", 0)
    certificate, key = getattr(options, "tls_cert", None), getattr(options, "tls_key", None)
    if not port:
        return None
    if certificate is None or key is None:
        raise CannotStart(
            f"Cổng TLS {port} cần --tls-cert và --tls-key. Chưa có thì tạo bằng: "
            f"dekhang intake certificate --data {options.data} --name TÊN_MÁY"
        )
    return TlsFiles(certificate, key, options.tls_ca)


if __name__ == "__main__":
    sys.exit(main())
