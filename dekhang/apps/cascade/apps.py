from django.apps import AppConfig


class CascadeConfig(AppConfig):
    name = "dekhang.apps.cascade"
    label = "cascade"
