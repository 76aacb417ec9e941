import factory

from dekhang.apps.retention.models import LegalHold
from tests.factories.core import UserFactory
from tests.factories.sources import MORNING


class LegalHoldFactory(factory.django.DjangoModelFactory):
    """A hold over everybody's events."""

    class Meta:
        model = LegalHold

    reason = factory.Sequence(lambda n: f"Điều tra vụ việc {n}")
    placed_at = MORNING
    placed_by = factory.SubFactory(UserFactory, coordinator=True)

    class Params:
        lifted = factory.Trait(
            lifted_at=MORNING, lifted_by=factory.SelfAttribute("placed_by"), lift_reason="Đã xử lý xong"
        )
