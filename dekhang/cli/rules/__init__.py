"""`dekhang rules check|test|stats DIR…`: are the rules sound, do they do what their examples say, what do they cover?

Exit codes: 0 all well · 1 a faulty rule, or a failed example · 2 a folder is missing or holds no rule, a mapping file
is wrong. `stats` is no check: faulty rules are counted and the exit code is 0.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dekhang.cli.rules.showing import jsonl, table
from dekhang.cli.rules.stats import stats_of
from dekhang.engine import Rule
from dekhang.engine.coverage import unmapped_sources
from dekhang.engine.logsources import MappingError
from dekhang.pipeline.mappingfile import load_mapping
from dekhang.pipeline.rulebook import PlaceholderError, Rulebook, load_rules, read_placeholders
from dekhang.pipeline.ruletests import Failure, TestFileError, load_test, run_test, test_path


def add_parser(subparsers: Any) -> None:
    about = "kiểm tra, thử, thống kê các luật phát hiện"
    parser = subparsers.add_parser("rules", help=about, description=f"Đề Kháng: {about}.")
    actions = parser.add_subparsers(dest="action", metavar="VIỆC", required=True)
    check = actions.add_parser("check", help="nêu từng luật hỏng: tệp, dòng, lý do")
    test = actions.add_parser("test", help="chạy các ca thử <luật>.test.yml qua bộ đọc log và bộ phát hiện thật")
    stats = actions.add_parser("stats", help="đếm luật theo mức, nguồn log, ATT&CK, và luật chưa dùng được vì sao")
    for action in (check, test, stats):
        action.add_argument("folders", metavar="THƯ_MỤC", nargs="+", type=Path, help="thư mục (hoặc tệp) luật Sigma")
        action.add_argument(
            "--mapping", metavar="TỆP", action="append", default=[], type=Path, help="tệp ánh xạ nguồn log của đơn vị"
        )
        action.add_argument(
            "--placeholders",
            metavar="TỆP",
            type=Path,
            help="tệp YAML các danh sách mà luật gọi bằng %%tên%% (bổ nghĩa expand)",
        )
    check.add_argument("--verbose", action="store_true", help="nêu cả từng luật lành nhưng chưa dùng được ở đây")
    stats.add_argument("--format", choices=("table", "jsonl"), default="table", help="cách in (mặc định: table)")
    stats.add_argument(
        "--top", metavar="N", type=int, default=15, help="số dòng mỗi bảng dài (mặc định 15; 0 là tất cả)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    missing = [folder for folder in args.folders if not folder.exists()]
    if missing:
        print(f"Không có thư mục luật {missing[0]}; hãy kiểm tra lại đường dẫn.", file=sys.stderr)
        return 2
    try:
        mapping = load_mapping(args.mapping)
        placeholders = read_placeholders(args.placeholders) if args.placeholders is not None else {}
    except (MappingError, PlaceholderError) as error:
        print(error, file=sys.stderr)
        return 2
    book = load_rules(args.folders, cache=None, mapping=mapping, placeholders=placeholders)
    if not book.files:
        print(f"Không thấy tệp luật nào (.yml, .yaml) trong {', '.join(map(str, args.folders))}.", file=sys.stderr)
        return 2
    if args.action == "check":
        return check(book, verbose=args.verbose)
    if args.action == "test":
        return test(book, args.folders)
    for line in jsonl(stats_of(book)) if args.format == "jsonl" else table(stats_of(book), top=args.top):
        print(line)
    return 0


def check(book: Rulebook, *, verbose: bool) -> int:
    for error in book.errors:
        print(error)
    if verbose:
        for skipped in book.skipped:
            print(f"{skipped} (bỏ qua)")
    for one in unmapped_sources(book.ruleset):
        print(f"Chưa đọc được nguồn log của {one.rules} luật: {one.reason}", file=sys.stderr)
    print(
        f"{book.files} tệp: {len(book.rules)} luật dùng được, {len(book.errors)} lỗi, "
        f"{len(book.skipped)} luật lành nhưng chưa có nguồn log hoặc dữ liệu tương ứng.",
        file=sys.stderr,
    )
    return 1 if book.errors else 0


def test(book: Rulebook, folders: list[Path]) -> int:
    for error in book.errors:
        print(error)
    cases, failures = 0, 0
    for outcome in results(book, folders):
        if isinstance(outcome, int):
            cases += outcome
        else:
            failures += 1
            print(outcome)
    print(
        f"{len(book.rules)} luật, {cases} ca thử: {failures + len(book.errors)} chỗ chưa đạt."
        if failures or book.errors
        else f"{len(book.rules)} luật, {cases} ca thử: tất cả đều đạt.",
        file=sys.stderr,
    )
    return 1 if failures or book.errors else 0


def results(book: Rulebook, folders: list[Path]) -> Iterator[int | Failure]:
    """Yield the number of examples run for a rule file, and every failure."""
    rule_files = {Path(rule.path) for rule in book.rules} | {Path(one.path) for one in book.skipped}
    lines: dict[Path, Rule] = {Path(rule.path): rule for rule in reversed(book.rules)}
    for rule_path in sorted(rule_files):
        path = test_path(rule_path)
        if not path.exists():
            line = lines[rule_path].line if rule_path in lines else 1
            yield Failure(rule_path, line, "", f"Luật chưa có tệp thử {path.name} bên cạnh.")
            continue
        try:
            examples = load_test(path)
        except TestFileError as error:
            yield Failure(error.path, error.line, "", error.reason)
            continue
        yield len(examples.match) + len(examples.no_match)
        yield from run_test(examples, book.rules, book.ruleset.mapping)
    for folder in folders:
        for path in sorted(folder.rglob("*.test.yml")) if folder.is_dir() else ():
            rule_path = path.with_name(path.name.removesuffix(".test.yml") + ".yml")
            if not rule_path.exists():
                yield Failure(path, 1, "", f"Tệp thử không có luật {rule_path.name} bên cạnh.")
