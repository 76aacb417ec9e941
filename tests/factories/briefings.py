"""Briefings made by the services that people use."""

from datetime import timedelta

from django.core.files.uploadedfile import SimpleUploadedFile

from dekhang.apps.briefings import services
from dekhang.apps.briefings.models import Briefing
from dekhang.apps.core import clock


def briefing_of(by, *units, host=None, announced=True, starts_in=timedelta(0), **facts) -> Briefing:
    """A briefing that begins `starts_in` from now and lasts two hours, to which `units` are invited."""
    starts_at = clock.now() + starts_in
    briefing = services.plan(
        unit_id=host and host.pk,
        **{
            "title": "Hội nghị triển khai Chỉ thị 14",
            "starts_at": starts_at,
            "ends_at": starts_at + timedelta(hours=2),
            "place": "Hội trường UBND tỉnh",
            **facts,
        },
        by=by,
    )
    if units:
        services.invite(briefing=briefing, unit_ids=[unit.pk for unit in units], by=by)
        if announced:
            briefing = services.move(briefing=briefing, to="announced", by=by)
    return briefing


def material_of(briefing, by, name="bai-trinh-bay.pdf", content=b"%PDF-1.4 noi dung"):
    return services.add_material(
        briefing=briefing, title="Bài trình bày", file=SimpleUploadedFile(name, content), by=by
    )
