from django.apps import AppConfig


class IncidentsConfig(AppConfig):
    name = "dekhang.apps.incidents"
    label = "incidents"
