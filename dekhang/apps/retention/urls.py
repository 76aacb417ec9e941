from django.urls import path

from dekhang.apps.retention import views

app_name = "retention"
urlpatterns = [
    path("", views.page, name="page"),
    path("giu/", views.place, name="place"),
    path("giu/<int:pk>/go/", views.lift, name="lift"),
]
