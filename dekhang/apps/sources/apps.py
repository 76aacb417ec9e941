from django.apps import AppConfig


class SourcesConfig(AppConfig):
    name = "dekhang.apps.sources"
    label = "sources"
