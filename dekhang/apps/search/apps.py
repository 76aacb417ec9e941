from django.apps import AppConfig


class SearchConfig(AppConfig):
    name = "dekhang.apps.search"
    label = "search"
