from django.apps import AppConfig


class ScoreboardConfig(AppConfig):
    name = "dekhang.apps.scoreboard"
    label = "scoreboard"
