"""Signatures as Standard Webhooks 1.0 has them: HMAC-SHA256 over id, time and body.

Spec: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac

from django.conf import settings


def key_of(subscription_id: int, generation: int) -> bytes:
    """32 bytes out of the installation's own secret: whoever reads the database cannot sign."""
    about = f"dekhang webhook {subscription_id} {generation}".encode()
    return hmac.new(settings.SECRET_KEY.encode(), about, hashlib.sha256).digest()


def shown(key: bytes) -> str:
    """As receivers' libraries take it."""
    return "whsec_" + base64.b64encode(key).decode()


def headers(key: bytes, *, message_id: str, epoch_seconds: int, body: bytes) -> dict[str, str]:
    signed = f"{message_id}.{epoch_seconds}.".encode() + body
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(epoch_seconds),
        "webhook-signature": f"v1,{signature}",
    }
