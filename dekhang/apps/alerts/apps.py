from django.apps import AppConfig


class AlertsConfig(AppConfig):
    name = "dekhang.apps.alerts"
    label = "alerts"
