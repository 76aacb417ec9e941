"""What retention does on the clock: the pipeline knows the terms in force, the audit chain the lake's heads once a day."""

from datetime import timedelta

from dekhang.apps.core import clock
from dekhang.apps.retention import services
from dekhang.apps.retention.models import LakeAnchor

ANCHOR_EVERY = timedelta(days=1)


def tick() -> int:
    """One round; returns how many things were told."""
    told = int(services.publish())
    newest = LakeAnchor.objects.order_by("-anchored_at").first()
    if newest is None or clock.now() - newest.anchored_at >= ANCHOR_EVERY:
        told += services.anchor()
    return told
