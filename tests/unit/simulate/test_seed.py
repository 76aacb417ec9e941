import dataclasses

import pytest
from django.db import transaction

from dekhang.apps.alerts.models import Alert
from dekhang.apps.cascade.models import Report
from dekhang.apps.duties.models import Evidence
from dekhang.apps.registry.models import Employment
from dekhang.simulate.building import build
from dekhang.simulate.size import Size

TINY = Size(units=8, people=40, evidence=1_000, alerts=50, months=6, ledger_days=1)


@pytest.mark.django_db
def test_the_same_seed_gives_the_same_rows_and_another_one_others(data):
    def rows(size):
        with transaction.atomic():
            build(size, data)
            found = [
                list(Evidence.objects.order_by("pk").values_list("digest", flat=True)),
                list(Employment.objects.order_by("pk").values_list()),
                list(Report.objects.order_by("pk").values_list()),
                list(Alert.objects.order_by("pk").values_list()),
                (data / "simulate" / "truth.jsonl").read_text(),
            ]
            transaction.set_rollback(True)
        return found

    first = rows(TINY)
    (data / "pipeline.db").unlink()
    assert rows(TINY) == first
    (data / "pipeline.db").unlink()
    assert rows(dataclasses.replace(TINY, seed=2))[0] != first[0]
