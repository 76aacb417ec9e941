from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "dekhang.apps.core"
    label = "core"
