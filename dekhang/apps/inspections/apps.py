from django.apps import AppConfig


class InspectionsConfig(AppConfig):
    name = "dekhang.apps.inspections"
    label = "inspections"
