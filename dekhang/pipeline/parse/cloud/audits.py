"""Audit logs of other services as JSON: GitHub, Okta, Bitbucket, OneLogin, Duo, Kubernetes, the honeypot OpenCanary.

Each is told by names that only it uses together; nested names are joined by dots, as rules write them.
Sources: each product's own description of its audit or system log.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from dekhang.pipeline.parse.cloud.names import Document, Table, also, first
from dekhang.pipeline.parse.event import Facts, Fields, flatten, text_of
from dekhang.pipeline.parse.times import any_ms

_GITHUB_ACTION = re.compile(r"[a-z_]{2,64}(?:\.[a-z_]{2,64}){1,3}")
_POD = "requestObject.spec.containers.securityContext.capabilities"


def recognise(document: Document, received_ms: int) -> Facts | None:
    """Facts of a record of one of these services, or None."""
    for reader in _READERS:
        facts = reader(document)
        if facts is not None:
            break
    else:
        return None
    for name in ("@timestamp", "published", "created_at", "timestamp", "requestReceivedTimestamp", "stageTimestamp",
                 "utc_time", "isotimestamp", "createdDate"):  # fmt: skip
        if name in document:
            facts.time_ms = any_ms(document[name], received_ms)
            if facts.time_ms is not None:
                break
    return facts


def _facts(document: Document, product: str, service: str, category: str, *, message: str, table: Table) -> Facts:
    flat = flatten(document)
    fields: Fields = {"message": message, **also(flat, table)}
    fields.update((name, value) for name, value in flat.items() if name not in fields or name == "message")
    return Facts("cloud", fields, product, service, category)


def _github(document: Document) -> Facts | None:
    action = document.get("action")
    if not isinstance(action, str) or "actor" not in document or _GITHUB_ACTION.fullmatch(action) is None:
        return None
    if not any(name in document for name in ("org", "repo", "business", "_document_id", "actor_id")):
        return None
    table = {"user": ("actor",), "src_ip": ("actor_ip",)}
    return _facts(document, "github", "audit", "", message=action, table=table)


def _okta(document: Document) -> Facts | None:
    kind, actor = document.get("eventType"), document.get("actor")
    if not isinstance(kind, str) or not isinstance(actor, dict):
        return None
    if not any(name in document for name in ("legacyEventType", "outcome", "debugContext", "securityContext")):
        return None
    table = {"user": ("actor.alternateId",), "src_ip": ("client.ipAddress",)}
    message = f"{kind} {text_of(document.get('displayMessage'))}".rstrip()
    return _facts(document, "okta", "okta", "", message=message, table=table)


def _bitbucket(document: Document) -> Facts | None:
    kind = document.get("auditType")
    if not isinstance(kind, dict) or "action" not in kind:
        return None
    table = {"user": ("author.name",), "src_ip": ("source",)}
    return _facts(document, "bitbucket", "audit", "", message=text_of(kind["action"]), table=table)


def _onelogin(document: Document) -> Facts | None:
    if "event_type_id" not in document or not ("account_id" in document or "actor_user_name" in document):
        return None
    table = {"user": ("user_name", "actor_user_name"), "src_ip": ("ipaddr",)}
    message = f"event_type_id {text_of(document['event_type_id'])}"
    return _facts(document, "onelogin", "onelogin.events", "", message=message, table=table)


def _duo(document: Document) -> Facts | None:
    if "event_type" not in document or "txid" not in document or "factor" not in document:
        return None
    table = {"src_ip": ("access_device.ip",)}
    facts = _facts(document, "cisco", "duo", "", message=text_of(document["event_type"]), table=table)
    user = first(facts.fields, "user.name", "username")
    if user:
        facts.fields["user"] = user
    return facts


def _kubernetes(document: Document) -> Facts | None:
    version = document.get("apiVersion")
    if not isinstance(version, str) or not version.startswith("audit.k8s.io/"):
        return None
    table = {
        "user": ("user.username",),
        "src_ip": ("sourceIPs",),
        "apiGroup": ("objectRef.apiGroup",),
        "hostPath": ("requestObject.spec.volumes.hostPath.path",),
        "capabilities": (f"{_POD}.add", f"{_POD}.drop"),
    }
    message = f"{text_of(document.get('verb'))} {text_of(document.get('requestURI'))}".strip()
    return _facts(document, "kubernetes", "audit", "application", message=message, table=table)


def _opencanary(document: Document) -> Facts | None:
    if "logtype" not in document or "node_id" not in document or "logdata" not in document:
        return None
    table = {"src_ip": ("src_host",), "dst_ip": ("dst_host",), "user": ("logdata.USERNAME",)}
    message = f"logtype {text_of(document['logtype'])}"
    facts = _facts(document, "opencanary", "", "application", message=message, table=table)
    facts.host = text_of(document.get("node_id"))
    return facts


_READERS: tuple[Callable[[Document], Facts | None], ...] = (
    _okta, _github, _kubernetes, _bitbucket, _opencanary, _onelogin, _duo,
)  # fmt: skip
