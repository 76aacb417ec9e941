from django.apps import AppConfig


class BriefingsConfig(AppConfig):
    name = "dekhang.apps.briefings"
    label = "briefings"
