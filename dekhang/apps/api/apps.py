from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "dekhang.apps.api"
    label = "api"
