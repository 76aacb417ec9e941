from django.apps import AppConfig


class RegistryConfig(AppConfig):
    name = "dekhang.apps.registry"
    label = "registry"
