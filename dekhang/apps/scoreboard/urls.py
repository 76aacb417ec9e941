from django.urls import path

from dekhang.apps.scoreboard import views

app_name = "scoreboard"
urlpatterns = [
    path("", views.board, name="board"),
    path("xuat.<str:form>", views.export, name="export"),
]
