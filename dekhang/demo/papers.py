"""Documents of the demo: what a few units filed, what the coordinator accepted, and what of it the public may have."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from dekhang.apps.core.enums import Role
from dekhang.apps.core.models import User
from dekhang.apps.duties.filing.services import accept, submit
from dekhang.apps.registry.models import UnitVersion
from dekhang.apps.registry.selectors import officers
from dekhang.apps.scoreboard.gci.services import clear

WATCHES, CHECKS = "Công ty Giám sát Mẫu", "Trung tâm Kiểm định Mẫu"


def _budget(year: int, it: int, security: int) -> tuple[str, str, date, dict[str, Any]]:
    facts = {"year": str(year), "it_spending": it, "security_spending": security}
    return "budget", f"Quyết định giao kinh phí năm {year}", date(year, 1, 15), facts


REGULATION = ("regulation", "Quy chế bảo đảm an toàn thông tin", date(2019, 8, 1), {})
OWN_FORCE = ("own_force", "Quyết định kiện toàn bộ phận chuyên trách", date(2019, 9, 2), {})
MONITORING = (
    "monitoring",
    "Hợp đồng giám sát an toàn thông tin",
    date(2019, 7, 1),
    {"firm": WATCHES, "valid_until": "2020-06-30"},
)
CHECK = ("independent_check", "Báo cáo kiểm tra an toàn thông tin", date(2019, 10, 20), {"firm": CHECKS})
SAME_FIRM = ("independent_check", "Báo cáo kiểm tra an toàn thông tin", date(2019, 10, 25), {"firm": WATCHES})
# unit → what it filed, in this order; the last paper of Sở Tài chính still waits for its review
FILED: dict[str, tuple[tuple[str, str, date, dict[str, Any]], ...]] = {
    "Sở Thông tin và Truyền thông": (REGULATION, OWN_FORCE, MONITORING, CHECK, _budget(2018, 4200, 380), _budget(2019, 5100, 640)),
    "Sở Y tế": (REGULATION, MONITORING, SAME_FIRM, _budget(2018, 1900, 90), _budget(2019, 2300, 170)),
    "Thành phố Tây Ninh": (REGULATION, OWN_FORCE, _budget(2019, 1600, 190)),
    "Huyện Trảng Bàng": (_budget(2018, 700, 40), _budget(2019, 820, 60)),
    "Sở Tài chính": (OWN_FORCE, REGULATION),
}  # fmt: skip
WAITING = ("Sở Tài chính", "regulation")


def file_papers(by_name: Mapping[str, UnitVersion]) -> None:
    coordinator = User.objects.get(role=Role.COORDINATOR)
    public = 0
    for name, papers in FILED.items():
        unit_id = by_name[name].unit_id
        officer = officers(unit_id).get()
        for kind, title, issued_on, facts in papers:
            content = f"%PDF-1.4\n% {title} - {name} - {issued_on} (văn bản mẫu)\n%%EOF\n".encode()
            revision = submit(
                unit_id=unit_id,
                kind=kind,
                title=title,
                issue_number=f"{issued_on:%m}/QĐ-{issued_on:%Y}",
                issued_on=issued_on,
                facts=facts,
                file=SimpleUploadedFile("van-ban-mau.pdf", content, "application/pdf"),
                by=officer,
            )
            if (name, kind) != WAITING:
                accept(revision=revision, by=coordinator)
                public = public or (revision.document_id if kind == "regulation" else 0)
    clear(key=f"paper:{public}", link="https://example.gov.vn/quy-che", by=coordinator)
    clear(key="duty:regulation", by=coordinator)
