import factory

from dekhang.apps.core.enums import Role
from dekhang.apps.core.models import User

PASSWORD = "mot-mat-khau-de-thu"


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"nguoi-{n}")
    full_name = factory.Sequence(lambda n: f"Người dùng {n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.gov.vn")
    role = Role.OFFICER
    password = factory.PostGeneration(lambda user, create, value: user.set_password(value or PASSWORD) or user.save())

    class Params:
        coordinator = factory.Trait(role=Role.COORDINATOR)
        leader = factory.Trait(role=Role.PROVINCE_LEADER)
        inspector = factory.Trait(role=Role.INSPECTOR)
        administrator = factory.Trait(role=Role.ADMINISTRATOR)
