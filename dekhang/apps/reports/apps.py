from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "dekhang.apps.reports"
    label = "reports"
