from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "dekhang.apps.portal"
    label = "portal"
