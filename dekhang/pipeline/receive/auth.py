"""Which source is speaking? The token in an HTTP request, else its client certificate, or why there is neither."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dekhang.pipeline.stores.intake import IntakeMap, IntakeSource
from dekhang.pipeline.stores.reasons import Reason

TOKEN_HEADER = "x-dk-token"  # noqa: S105 - the name of a header
_LONGEST = 4096  # characters of a header looked at


@dataclass(frozen=True, slots=True)
class Refused:
    """Nobody we know: the HTTP status and a sentence for whoever reads the shipper's log."""

    status: int
    reason: Reason
    source_id: int
    sentence: str


def candidates(get_header: Callable[[str], str | None]) -> Iterator[str]:
    """Every reading of the request's headers as a token, the likeliest first.

    `Authorization: Bearer T` · `Splunk T` · `ApiKey T` or base64 of `id:T` · `Basic` base64 of `anyone:T` · `X-DK-Token: T`.
    """
    if own := get_header(TOKEN_HEADER):
        yield own[:_LONGEST].strip()
    scheme, _, value = (get_header("authorization") or "")[:_LONGEST].strip().partition(" ")
    value = value.strip()
    if not value:
        return
    scheme = scheme.lower()
    if scheme in ("bearer", "splunk", "apikey"):
        yield value
    if scheme in ("basic", "apikey"):
        try:
            decoded = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            decoded = ""
        if decoded:
            yield decoded.partition(":")[2]
    if scheme == "apikey" and ":" in value:
        yield value.partition(":")[2]


def identify(
    intake: IntakeMap, get_header: Callable[[str], str | None], certificate: str = ""
) -> IntakeSource | Refused:
    """The source whose token the request carries, or that registered its client certificate (SHA-256, hex)."""
    seen = False
    for token in candidates(get_header):
        seen = seen or bool(token)
        source = intake.by_token(token) if token else None
        if source is None:
            continue
        return _in_force(source)
    known = intake.by_certificate(certificate) if certificate and not seen else None
    if known is not None:
        return _in_force(known)
    if seen:
        return Refused(
            401,
            Reason.WRONG_TOKEN,
            0,
            "Mã kết nối không đúng. Hãy chép lại mã ở trang Kết nối nguồn log của đơn vị vào cấu hình máy gửi.",
        )
    if certificate:
        return Refused(
            401,
            Reason.UNKNOWN_CERTIFICATE,
            0,
            "Chứng chỉ của máy gửi chưa được khai cho nguồn nhật ký nào. Hãy khai dấu vân tay SHA-256 của nó ở nguồn, "
            "hoặc thêm mã kết nối.",
        )
    return Refused(
        401,
        Reason.MISSING_TOKEN,
        0,
        "Thiếu mã kết nối. Hãy thêm dòng Authorization: Bearer <mã> (hoặc mật khẩu, api_key) vào cấu hình máy gửi; "
        "mã có ở trang Kết nối nguồn log của đơn vị.",
    )


def _in_force(source: IntakeSource) -> IntakeSource | Refused:
    if not source.retired:
        return source
    return Refused(
        403,
        Reason.RETIRED,
        source.source_id,
        "Nguồn nhật ký này đã được đánh dấu ngừng sử dụng. Hãy tạo nguồn mới ở trang Kết nối nguồn log "
        "rồi dán mã kết nối mới vào cấu hình.",
    )
