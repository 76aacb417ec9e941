"""What is fetched for a source: set by the administrator on the server, checked, told to the receivers, recorded."""

import pytest

from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import AuditEvent
from dekhang.apps.sources import services
from dekhang.apps.sources.enums import AuditAction
from dekhang.pipeline.stores import intake
from tests.factories.sources import LogSourceFactory

pytestmark = pytest.mark.django_db
BUCKET = intake.Bucket("kho-log", "xa-a/", "https://s3.example.gov.vn:9000", access_key="AK")


def set_feeds(source, tails=(), folders=(), bucket=None):
    return services.set_feeds(source=source, tail_paths=tails, folders=folders, bucket=bucket, by=None)


def test_feeds_reach_the_receivers_list_and_the_audit_log(django_capture_on_commit_callbacks, settings):
    source = LogSourceFactory()
    with django_capture_on_commit_callbacks(execute=True):
        set_feeds(source, ["/var/log/a.log"], ["/srv/tha"], BUCKET)
    found = intake.IntakeMap(settings.DATA).by_id(source.pk)
    assert (found.tail_paths, found.folders, found.bucket) == (("/var/log/a.log",), ("/srv/tha",), BUCKET)
    event = AuditEvent.objects.get(action=AuditAction.SOURCE_FEEDS_SET)
    assert event.detail["after"]["folders"] == ["/srv/tha"]
    assert event.detail["before"]["bucket"] is None
    set_feeds(source, ["/var/log/a.log"], ["/srv/tha"], BUCKET)  # nothing new: nothing to record
    assert AuditEvent.objects.filter(action=AuditAction.SOURCE_FEEDS_SET).count() == 1
    with django_capture_on_commit_callbacks(execute=True):
        set_feeds(source)
    assert intake.published(settings.DATA)[0].bucket is None


@pytest.mark.parametrize(
    ("feeds", "said"),
    [
        ({"tails": ["a.log"]}, "đường dẫn đầy đủ"),
        ({"folders": ["/srv/../etc"]}, "đường dẫn đầy đủ"),
        ({"bucket": intake.Bucket("Kho_Hoa")}, "không phải tên một kho"),
        ({"bucket": intake.Bucket("kho-log", endpoint="ftp://x")}, "https://"),
        ({"bucket": intake.Bucket("kho-log", endpoint="https://a:b@x")}, "https://"),
        ({"bucket": intake.Bucket("kho-log", every_seconds=0)}, "từ 1"),
    ],
)
def test_places_that_cannot_be_read_are_refused_with_a_sentence(feeds, said):
    with pytest.raises(ActionDenied, match=said):
        set_feeds(LogSourceFactory(), **feeds)


def test_the_systems_own_folder_is_no_drop_folder(settings):
    with pytest.raises(ActionDenied, match="thư mục dữ liệu"):
        set_feeds(LogSourceFactory(), folders=[str(settings.DATA / "inbox")])


def test_a_retired_source_fetches_nothing_new():
    with pytest.raises(ActionDenied, match="đã ngừng"):
        set_feeds(LogSourceFactory(retired=True), folders=["/srv/tha"])
