"""AWS CloudTrail. Source: AWS CloudTrail user guide, "CloudTrail record contents"."""

from __future__ import annotations

from dekhang.pipeline.parse.cloud.names import Document, also, as_text, first
from dekhang.pipeline.parse.event import Facts, Fields, flatten, text_of
from dekhang.pipeline.parse.times import any_ms

_ALSO = {
    "user": ("userIdentity.userName", "userIdentity.sessionContext.sessionIssuer.userName", "userIdentity.arn"),
    "src_ip": ("sourceIPAddress",),
}
_SEARCHED = ("requestParameters", "responseElements", "additionalEventData")


def recognise(document: Document, received_ms: int) -> Facts | None:
    """Facts of a record, also inside an EventBridge event (`detail`) or alone in `Records`."""
    detail = document.get("detail")
    if isinstance(detail, dict) and "detail-type" in document:
        document = detail
    records = document.get("Records")
    if isinstance(records, list) and len(records) == 1 and isinstance(records[0], dict):
        document = records[0]
    source, name = document.get("eventSource"), document.get("eventName")
    if not isinstance(source, str) or not isinstance(name, str):
        return None
    if not (
        source.endswith((".amazonaws.com", ".amazon.com")) or "eventVersion" in document or "awsRegion" in document
    ):
        return None
    flat = flatten(document)
    fields: Fields = {"message": f"{source} {name} {text_of(document.get('errorCode'))}".rstrip()}
    fields.update(also(flat, _ALSO))
    if "status" not in flat:
        fields["status"] = "failure" if document.get("errorCode") else "success"
    for part in _SEARCHED:
        text = as_text(document.get(part))
        if text is not None:
            fields[part] = text
    fields.update(flat)
    return Facts(
        "cloud",
        fields,
        "aws",
        "cloudtrail",
        host=first(flat, "recipientAccountId"),
        time_ms=any_ms(document.get("eventTime"), received_ms),
    )
