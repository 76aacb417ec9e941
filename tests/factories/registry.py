from datetime import date

import factory

from dekhang.apps.core.enums import Role
from dekhang.apps.registry.enums import PostKind, UnitKind
from dekhang.apps.registry.models import PostHolding, System, Unit, UnitVersion
from tests.factories.core import UserFactory


class UnitFactory(factory.django.DjangoModelFactory):
    """A commune in force since 2019; `version__name=`, `version__kind=`, `version__valid_to=` … shape its version."""

    class Meta:
        model = Unit
        skip_postgeneration_save = True

    key = factory.Sequence(lambda n: f"xa-thu-{n}")

    @factory.post_generation
    def version(unit, create, extracted, **kwargs):
        if create:
            UnitVersion.objects.create(
                unit=unit,
                name=kwargs.get("name") or f"Xã Thử {unit.key.rsplit('-', 1)[-1]}",
                kind=kwargs.get("kind", UnitKind.COMMUNE),
                valid_from=kwargs.get("valid_from", date(2019, 1, 1)),
                valid_to=kwargs.get("valid_to"),
            )


class PostHoldingFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = PostHolding

    unit = factory.SubFactory(UnitFactory)
    kind = PostKind.OFFICER
    user = factory.SubFactory(UserFactory)
    valid_from = date(2019, 1, 1)


def officer_of(unit: Unit, **fields):
    """A new officer account that holds the post at `unit`."""
    return PostHoldingFactory(unit=unit, kind=PostKind.OFFICER, user=UserFactory(role=Role.OFFICER, **fields)).user


def head_of(unit: Unit, **fields):
    return PostHoldingFactory(unit=unit, kind=PostKind.HEAD, user=UserFactory(role=Role.HEAD, **fields)).user


class SystemFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = System

    unit = factory.SubFactory(UnitFactory)
    name = factory.Sequence(lambda n: f"Cổng thông tin {n}")
    level = 2
    valid_from = date(2019, 1, 1)
