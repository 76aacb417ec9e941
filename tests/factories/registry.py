from datetime import date

import factory

from dekhang.apps.core.enums import Role
from dekhang.apps.registry.enums import PostKind, ReorganisationKind, UnitKind
from dekhang.apps.registry.models import PostHolding, System, Unit, UnitVersion
from dekhang.apps.registry.reorganise import Outcome, Plan
from tests.factories.core import UserFactory

MERGED_ON = date(2020, 2, 1)
MERGER_BASIS = "NQ 865/NQ-UBTVQH14"


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


def commune(province, name, code=""):
    """A commune of that name under `province`, in force since 2019."""
    unit = UnitFactory(version__name=name)
    unit.versions.update(parent=province, code=code)
    return unit


def merger(province, *taken, name="Xã Phước Bình", day=MERGED_ON, **changes):
    """A plan: the communes `taken` become one new commune; `changes` replace parts of the plan."""
    facts = {
        "date": day,
        "kind": ReorganisationKind.MERGE,
        "basis": MERGER_BASIS,
        "outcomes": (
            Outcome(None, name, UnitKind.COMMUNE, "Xã", "25729", province.pk, takes=tuple(u.pk for u in taken)),
        ),
        "ends": tuple(u.pk for u in taken),
    }
    return Plan(**{**facts, **changes})
