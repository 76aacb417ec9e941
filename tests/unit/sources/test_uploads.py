"""Log files given by hand: each judged for itself, whole in the inbox or not at all, and accounted for to the last record."""

import errno
import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from dekhang.apps.core import clock
from dekhang.apps.sources.forms import FILES_AT_ONCE
from dekhang.apps.sources.models import Upload
from dekhang.apps.sources.services.uploads import inbox_of
from dekhang.pipeline.receive.files import Inbox
from dekhang.pipeline.receive.refusals import Refusals
from dekhang.pipeline.receive.takein import TakeIn
from dekhang.pipeline.spool import SpoolWriter
from dekhang.pipeline.stores import intake
from dekhang.pipeline.worker.loop import Worker
from tests.conftest import PROJECT
from tests.factories.registry import officer_of
from tests.factories.sources import MORNING, LogSourceFactory, failed_login

pytestmark = pytest.mark.django_db
LINE = b"Dec 10 02:00:00 may-chu sshd[1]: xin chao\n"


@pytest.fixture
def source(client, data):
    made = LogSourceFactory()
    client.force_login(officer_of(made.unit))
    return made


def send(client, source, *files: tuple[str, bytes], **headers: str):
    body = {"file": [SimpleUploadedFile(name, content) for name, content in files]}
    return client.post(reverse("sources:upload", args=[source.pk]), body, follow=True, headers=headers)


def progress(client, source) -> str:
    url = reverse("sources:uploads", args=[source.pk])
    return client.get(url, headers={"HX-Request": "true"}).content.decode()


def report(source, text: str) -> None:
    (inbox_of(source.pk) / f"{Upload.objects.latest('pk').stored_name}.json").write_text(text)


def test_an_upload_lies_whole_in_the_inbox_under_a_safe_name(client, source):
    page = send(client, source, ("../../nhật ký <b>.json", LINE)).content.decode()

    row = Upload.objects.get()
    assert re.fullmatch(r"[0-9a-f]{12}-[A-Za-z0-9._-]+\.json\.log", row.stored_name)
    assert (inbox_of(source.pk) / row.stored_name).read_bytes() == LINE
    assert [path.name for path in inbox_of(source.pk).iterdir()] == [row.stored_name]
    assert "Chờ đọc" in page and "Đã nhận 1 tệp." in page and "<b>.json" not in page


def test_of_several_files_the_good_are_taken_and_each_bad_one_is_named_with_its_reason(client, source):
    page = send(client, source, ("mot.log", LINE), ("may.exe", b"MZ\x90"), ("hai.log", LINE * 2)).content.decode()

    assert sorted(Upload.objects.values_list("name", flat=True)) == ["hai.log", "mot.log"]
    assert "Đã nhận 2 tệp." in page
    assert "may.exe: Không nhận tệp này: nó là chương trình Windows." in page


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "Tệp rỗng"),
        (b"%PDF-1.4 x", "PDF"),
        (b"7z\xbc\xaf\x27\x1c\x00\x04", "zip"),
        (b"Rar!\x1a\x07\x01\x00", "zip"),
        (b"\x7fELF\x02", "chương trình Linux"),
        (b"\x89PNG\r\n", "ảnh"),
        (b"PK\x03\x04\x14\x00[Content_Types].xml", "CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "CSV"),
    ],
)
def test_what_cannot_be_a_log_is_refused_with_what_to_do_and_leaves_nothing(client, source, content, words):
    page = send(client, source, ("tep", content)).content.decode()
    assert words in page
    assert not Upload.objects.exists() and not inbox_of(source.pk).exists()


def test_a_zip_of_logs_and_an_evtx_are_not_taken_for_something_else(client, source):
    send(client, source, ("log.zip", b"PK\x03\x04\x14\x00auth.log"), ("a.evtx", b"ElfFile\x00"))
    assert Upload.objects.count() == 2


def test_too_large_or_too_many_files_are_refused_with_a_sentence(client, source, settings):
    settings.MAX_UPLOAD_BYTES = 10
    assert "lớn hơn" in send(client, source, ("to.log", LINE)).content.decode()
    settings.MAX_UPLOAD_BYTES = 1000
    many = [(f"{n}.log", LINE) for n in range(FILES_AT_ONCE + 1)]
    assert f"nhiều nhất {FILES_AT_ONCE} tệp" in send(client, source, *many).content.decode()
    assert (
        "Hãy chọn một tệp log"
        in client.post(reverse("sources:upload", args=[source.pk]), {}, follow=True).content.decode()
    )
    assert not Upload.objects.exists()


def test_the_same_file_again_is_refused_unless_it_failed_before(client, source):
    with clock.at(MORNING):
        send(client, source, ("mot.log", LINE))
    page = send(client, source, ("ten-khac.log", LINE)).content.decode()
    assert "đã được tải lên nguồn này lúc 09:00 10/12/2019" in page
    assert Upload.objects.count() == 1

    report(source, '{"state": "failed", "problem": "Nguồn đã ngừng."}')
    send(client, source, ("mot.log", LINE))
    assert Upload.objects.count() == 2


def test_a_full_disk_is_a_sentence_and_leaves_nothing(client, source, monkeypatch):
    def full(_fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("dekhang.apps.sources.services.uploads.os.fsync", full)
    assert "hết chỗ trên đĩa" in send(client, source, ("mot.log", LINE)).content.decode()
    assert not Upload.objects.exists()
    assert list(inbox_of(source.pk).iterdir()) == []


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ('{"state": "reading", "read": 50, "size": 100, "records": 1234}', ["Đang đọc", "50 %", "1.234 bản ghi"]),
        ('{"state": "done", "records": 9}', ["còn 9 bản ghi chờ xử lý"]),
        ('{"state": "done", "records": 0}', ["Đã đọc xong"]),
        ('{"state": "failed", "problem": "Tệp hỏng."}', ["Không đọc được", "Tệp hỏng."]),
        ("không phải JSON", ["Chờ đọc"]),
        ("[1, 2]", ["Chờ đọc"]),
    ],
)
def test_the_progress_is_what_the_receiver_reports(client, source, told, shown):
    send(client, source, ("nhat-ky.log", LINE))
    report(source, told)

    part = progress(client, source)

    for words in shown:
        assert words in part
    assert ("hx-trigger" in part) is ("Đã đọc xong" not in part and "Tệp hỏng" not in part)


def test_what_is_wrong_with_a_file_names_it_as_its_owner_does(client, source):
    send(client, source, ("anh.bin", b"\x00\x01"))
    report(
        source, json.dumps({"state": "failed", "problem": f"“{Upload.objects.get().stored_name}” là dữ liệu nhị phân."})
    )
    assert "“anh.bin” là dữ liệu nhị phân." in progress(client, source)


def test_every_record_of_a_file_is_stored_or_duplicate_and_the_wrong_kind_is_counted(client, source, data):
    """Through the real inbox, spool and worker."""
    lines = "".join(failed_login(user=f"u{n}") + "\n" for n in range(7))
    access = '192.0.2.1 - - [10/Dec/2019:02:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "-"\n'
    send(client, source, ("dang-nhap.log", (lines + access * 2).encode()))
    known = intake.IntakeSource(source.pk, source.unit_id, source.kind)
    intake.publish(data, [known])
    first = Upload.objects.get()

    read_and_work(data)
    page = progress(client, source)
    assert cells(page, first.name) == ["9", "0", "2"]
    assert "hx-trigger" not in page

    # the same content again, past the check of the page: as after a crash between rename and commit
    (inbox_of(source.pk) / first.stored_name).write_bytes((lines + access * 2).encode())
    read_and_work(data)
    assert cells(progress(client, source), first.name) == ["9", "9", "2"]


def cells(page: str, name: str) -> list[str]:
    row = page[page.index(name) :]
    return re.findall(r'class="number">([^<]*)<', row)[:3]


def read_and_work(data) -> None:
    import threading

    spool, refusals = SpoolWriter(data / "spool", 3), Refusals(data)
    inbox = Inbox(data, intake.IntakeMap(data), TakeIn(spool, threading.Event(), bool), refusals)
    assert inbox.poll() == 1
    spool.close()
    refusals.close()
    worker = Worker(data, [PROJECT / "rules" / "canary"])
    worker.start()
    worker.drain()
    worker.close()


def test_sending_by_script_is_told_where_to_go_next(client, source):
    answer = send(client, source, ("mot.log", LINE), **{"HX-Request": "true"})
    assert answer.headers["HX-Redirect"] == reverse("sources:upload", args=[source.pk])
    page = client.get(answer.headers["HX-Redirect"]).content.decode()
    assert "Đã nhận 1 tệp." in page


def test_the_page_says_before_sending_that_it_cannot_be_undone(client, source):
    page = client.get(reverse("sources:upload", args=[source.pk])).content.decode()
    assert page.index("không gỡ ra được") < page.index('<button class="btn btn--primary"')
