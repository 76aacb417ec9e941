from django.apps import AppConfig


class ObservedConfig(AppConfig):
    name = "dekhang.apps.observed"
    label = "observed"
