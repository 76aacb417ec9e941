from django.apps import AppConfig


class DutiesConfig(AppConfig):
    name = "dekhang.apps.duties"
    label = "duties"
