app_name = "scoreboard"
urlpatterns: list = []
