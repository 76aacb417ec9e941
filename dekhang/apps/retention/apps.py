from django.apps import AppConfig


class RetentionConfig(AppConfig):
    name = "dekhang.apps.retention"
    label = "retention"
