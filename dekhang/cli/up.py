"""`dekhang up`: the parts of the system on this machine, started, watched, restarted and stopped together.

All of them; or, of an installation on several hosts, those of this host's roles (`--role`, `--config`).
"""

import argparse
import errno
import fcntl
import os
import socket
import sys
import time
from pathlib import Path
from typing import IO, Any

from dekhang.cli.place import adopt_demo_clock, is_demo, unless_given
from dekhang.cli.roles import ROLES, other_parts, part_command, pipeline_parts
from dekhang.cli.supervisor import Group, say
from dekhang.pipeline import place
from dekhang.pipeline.partitions import PARTITIONS

WILDCARDS = {"0.0.0.0", "::"}  # noqa: S104 - only compared with


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("up", help="chạy mọi phần của hệ thống trên máy này")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("DK_DATA", "var")), metavar="DIR")
    parser.add_argument("--host", default="127.0.0.1", help="địa chỉ trang web nghe (mặc định 127.0.0.1)")
    parser.add_argument("--port", type=port, default=8014, help="cổng trang web (mặc định 8014)")
    parser.add_argument("--intake-host", default="127.0.0.1", help="địa chỉ các cổng nhận log nghe")
    parser.add_argument("--http-intake-port", type=port, default=8020, help="cổng nhận log HTTP (mặc định 8020)")
    parser.add_argument("--syslog-udp-port", type=port, default=5514, help="cổng nhận syslog UDP (mặc định 5514)")
    parser.add_argument("--syslog-tcp-port", type=port, default=5514, help="cổng nhận syslog TCP (mặc định 5514)")
    parser.add_argument("--tls-cert", type=Path, metavar="PEM", help="chứng chỉ: mở thêm cổng nhận log qua TLS")
    parser.add_argument("--tls-key", type=Path, metavar="PEM", help="khóa của chứng chỉ, không đặt mật khẩu")
    parser.add_argument("--tls-ca", type=Path, metavar="PEM", help="nơi cấp chứng chỉ cho máy gửi, nếu máy gửi trình")
    parser.add_argument("--https-intake-port", type=port, default=8021, help="cổng nhận log HTTPS (mặc định 8021)")
    parser.add_argument("--syslog-tls-port", type=port, default=6514, help="cổng nhận syslog qua TLS (mặc định 6514)")
    parser.add_argument(
        "--spool-max-mb", type=int, default=0, help="chỗ cho log chờ xử lý (mặc định một nửa phần đĩa còn trống)"
    )
    parser.add_argument(
        "--rules", type=Path, action="append", default=[], metavar="DIR", help="thêm thư mục luật Sigma"
    )
    parser.add_argument(
        "--workers",
        type=workers,
        default=usual_workers(),
        metavar="N",
        help="số tiến trình phân tích, phát hiện (mặc định ở máy này: %(default)s)",
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="máy này là một trong nhiều máy: FILE (TOML) nói PostgreSQL, NATS, S3 chung ở đâu",
    )
    parser.add_argument(
        "--role",
        action="append",
        type=some_roles,
        metavar="|".join(ROLES),
        help="(cùng --config) việc của máy này; nhiều việc: dùng nhiều lần hoặc viết receiver:worker; mặc định là mọi việc",
    )
    parser.add_argument("--demo", action="store_true", help="tỉnh mẫu ngày 10/12/2019 với log thật chảy vào")
    parser.add_argument("--replay", type=Path, metavar="PATH", help="(cùng --demo) gửi thư mục log thật này")
    parser.add_argument("--speed", type=speed, default=20.0, help="bản ghi mỗi giây khi gửi --replay (mặc định 20)")
    parser.set_defaults(run=run, folder="")


def port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"cổng phải là số từ 1 đến 65535, không phải {text!r}")
    return int(text)


def workers(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= PARTITIONS:
        raise argparse.ArgumentTypeError(f"số tiến trình phải từ 1 đến {PARTITIONS}, không phải {text!r}")
    return int(text)


def some_roles(text: str) -> frozenset[str]:
    """`receiver`, or `receiver:worker`: what the name of a systemd unit may hold."""
    found = frozenset(text.split(":"))
    if unknown := sorted(found - ROLES.keys()):
        raise argparse.ArgumentTypeError(
            f"không có việc {', '.join(map(repr, unknown))}; các việc là {', '.join(ROLES)}"
        )
    return found


def usual_workers() -> int:
    """Half of the cores: receivers, the database of records and the pages need the others."""
    return max(1, min(PARTITIONS, len(os.sched_getaffinity(0)) // 2))


def speed(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.1 <= value <= 1_000_000:
        raise argparse.ArgumentTypeError(f"tốc độ phải là số bản ghi mỗi giây, từ 0.1 trở lên, không phải {text!r}")
    return value


def run(args: argparse.Namespace) -> int:
    started = time.monotonic()
    data = args.data.resolve()
    args.role = frozenset().union(*args.role) if args.role else frozenset(ROLES)
    for sentence in wrong_arguments(args, data):
        print(sentence, file=sys.stderr)
        return 2
    try:
        data.mkdir(parents=True, exist_ok=True)
        (data / "logs").mkdir(exist_ok=True)
        lock = take_lock(data)
    except OSError as error:
        print(
            f"Không dùng được thư mục dữ liệu {data}: {error.strerror or error}. Sửa quyền, hoặc chọn --data khác.",
            file=sys.stderr,
        )
        return 2
    if lock is None:
        print(
            f"Đã có một Đề Kháng đang chạy trên thư mục {data}. Dừng nó trước, hoặc chọn --data khác.", file=sys.stderr
        )
        return 2
    if args.config is not None:
        from dekhang.cli.joining import join  # one machine's supervisor does without the drivers of servers

        if refused := join(args, data):
            print("\n".join(refused), file=sys.stderr)
            return 2
    busy = busy_ports(args)
    if busy:
        print("\n".join(busy), file=sys.stderr)
        return 2
    set_environment(args, data)
    say("Đề Kháng đang chuẩn bị…")
    group = Group(
        data=data,
        address=web_address(args) if "web" in args.role else "",
        called=web_address(args) if "web" in args.role else ", ".join(sorted(args.role)),
        preparation=[
            *part_command("prepare", data),
            *(word for role in sorted(args.role) for word in ("--role", role)),
            *(["--demo"] if args.demo else []),
        ],
        pipeline=lambda rules: pipeline_parts(args, data, rules),
        rest=other_parts(args, data),
        facts={
            "address": web_address(args) if "web" in args.role else "",
            "roles": sorted(args.role),
            "folder": args.folder,
            "intake_host": reachable(
                args.intake_host if "receiver" in args.role else os.environ.get("DK_INTAKE_HOST", args.intake_host)
            ),
            "http_intake_port": args.http_intake_port,
            "syslog_udp_port": args.syslog_udp_port,
            "syslog_tcp_port": args.syslog_tcp_port,
            "workers": args.workers if "worker" in args.role else 0,
        },
    )
    code = group.run(started)
    lock.close()
    return code


def wrong_arguments(args: argparse.Namespace, data: Path) -> list[str]:
    """What is wrong before anything is touched, one sentence each."""
    if args.replay is not None and not args.demo:
        return ["--replay gửi log bằng các nguồn của tỉnh mẫu: dùng cùng --demo (./dk run --replay …)."]
    if args.replay is not None and not args.replay.exists():
        return [f"Không thấy {args.replay}: --replay cần một tệp hoặc thư mục log."]
    if (args.tls_cert is None) != (args.tls_key is None):
        return ["--tls-cert và --tls-key đi cùng nhau: chứng chỉ và khóa của nó."]
    for path in filter(None, (args.tls_cert, args.tls_key, args.tls_ca)):
        if not path.is_file():
            return [f"Không thấy tệp TLS {path}. Kiểm tra lại --tls-cert, --tls-key, --tls-ca."]
    if missing := [str(folder) for folder in args.rules if not folder.is_dir()]:
        return [f"Không thấy thư mục luật {', '.join(missing)}. Kiểm tra lại --rules."]
    if args.config is None and len(args.role) < len(ROLES):
        return ["--role chia việc cho nhiều máy: cần cả --config FILE nói PostgreSQL, NATS, S3 chung ở đâu."]
    if args.config is None and place.path_of(data).exists():
        return [
            f"Thư mục {data} thuộc hệ thống nhiều máy (place.json). Chạy lại với --config FILE và --role của máy này."
        ]
    if args.config is not None and args.demo:
        return ["Tỉnh mẫu chạy trên một máy: bỏ --config, hoặc bỏ --demo."]
    if args.demo and (data / "db.sqlite3").exists() and not is_demo(data):
        # the demo's clock and traffic in a real installation's records could not be taken back
        return [f"Thư mục {data} đang giữ dữ liệu thật. Tỉnh mẫu cần thư mục riêng: chọn --data khác."]
    return []


def set_environment(args: argparse.Namespace, data: Path) -> None:
    """What the parts need to know about each other, as the settings they already read."""
    os.environ["DK_DATA"] = str(data)
    if "web" in args.role:
        unless_given("DK_BASE_URL", web_address(args))
    if "receiver" in args.role:
        unless_given("DK_INTAKE_HOST", socket.gethostname() if args.intake_host in WILDCARDS else args.intake_host)
    elif "web" in args.role and "DK_INTAKE_HOST" not in os.environ:
        say(
            "  · trang web chưa biết tên của các máy nhận log để in cho máy gửi: đặt [public] intake_host trong --config"
        )
    os.environ["DK_HTTP_INTAKE_PORT"] = str(args.http_intake_port)
    os.environ["DK_SYSLOG_UDP_PORT"] = str(args.syslog_udp_port)
    os.environ["DK_SYSLOG_TCP_PORT"] = str(args.syslog_tcp_port)
    if args.tls_cert is not None:  # configurations for senders then name the safe ports
        os.environ["DK_SYSLOG_TLS_PORT"] = str(args.syslog_tls_port)
        os.environ["DK_HTTPS_INTAKE_PORT"] = str(args.https_intake_port)
        if args.tls_ca is not None:
            unless_given("DK_INTAKE_CA", str(args.tls_ca.resolve()))
    if args.rules:
        more = [*filter(None, os.environ.get("DK_RULES", "").split(",")), *(str(p.resolve()) for p in args.rules)]
        os.environ["DK_RULES"] = ",".join(more)
    if "web" in args.role and "DK_HOSTS" not in os.environ and "DK_HOSTS_FILE" not in os.environ:
        own = socket.gethostname() if args.host in WILDCARDS else bracketed(args.host)
        os.environ["DK_HOSTS"] = ",".join(dict.fromkeys(["127.0.0.1", "localhost", "[::1]", own]))
        if args.host in WILDCARDS:
            say(f"  · trang web chỉ trả lời các tên {os.environ['DK_HOSTS']}; thêm tên khác bằng DK_HOSTS")
    if args.demo:
        from dekhang.demo.clock import shift_seconds

        shift_seconds(data)  # fixed at the first start, read back by every later command on this folder
    adopt_demo_clock(data)


def reachable(host: str) -> str:
    """The address by which this machine itself reaches a port opened on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def web_address(args: argparse.Namespace) -> str:
    return f"http://{bracketed(reachable(args.host))}:{args.port}"


def busy_ports(args: argparse.Namespace) -> list[str]:
    """One sentence for each port that we cannot have."""
    wanted = []
    if "web" in args.role:
        wanted.append((args.host, args.port, socket.SOCK_STREAM, "trang web", "--port", "--host"))
    if "receiver" in args.role:
        host = args.intake_host
        wanted += [
            (host, args.http_intake_port, socket.SOCK_STREAM, "nhận log HTTP", "--http-intake-port", ""),
            (host, args.syslog_tcp_port, socket.SOCK_STREAM, "nhận syslog TCP", "--syslog-tcp-port", ""),
            (host, args.syslog_udp_port, socket.SOCK_DGRAM, "nhận syslog UDP", "--syslog-udp-port", ""),
        ]
        if args.tls_cert is not None:
            wanted += [
                (host, args.https_intake_port, socket.SOCK_STREAM, "nhận log HTTPS", "--https-intake-port", ""),
                (host, args.syslog_tls_port, socket.SOCK_STREAM, "nhận syslog TLS", "--syslog-tls-port", ""),
            ]
    sentences = []
    ours: dict[tuple[int, int], str] = {}
    for host, number, kind, about, option, host_option in wanted:
        if other := ours.get((kind, number)):
            sentences.append(f"Cổng {number} được đặt cho cả {other} và {about}. Chọn cổng khác bằng {option}.")
            continue
        ours[kind, number] = about
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, number))
            except OSError as error:
                sentences.append(
                    f"Cổng {number} ({about}) trên {host} không dùng được: "
                    + why_not(error, option, host_option or "--intake-host")
                )
    return sentences


def why_not(error: OSError, option: str, host_option: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"chương trình khác đang giữ. Dừng chương trình ấy, hoặc chọn cổng khác bằng {option}."
    if error.errno in {errno.EACCES, errno.EPERM}:
        return f"cổng dưới 1024 cần quyền quản trị máy. Chọn cổng khác bằng {option}."
    return f"{error.strerror or error}. Sửa địa chỉ bằng {host_option}, hoặc cổng bằng {option}."


def take_lock(data: Path) -> IO[str] | None:
    """Hold `data`/run/up.lock while we live; None when another `up` holds it."""
    (data / "run").mkdir(exist_ok=True)
    file = (data / "run" / "up.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
