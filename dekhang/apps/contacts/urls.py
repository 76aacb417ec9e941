from django.urls import path

from dekhang.apps.contacts import views

app_name = "contacts"
urlpatterns = [
    path("", views.contacts, name="list"),
    path("don-vi/<int:unit_id>/", views.of_unit, name="of_unit"),
    path("<slug:kinds>/<int:pk>/<int:unit_id>/goi/", views.call, name="call"),
    path("<slug:kinds>/<int:pk>/<int:unit_id>/da-goi-dien/", views.spoken, name="spoken"),
    path("tra-loi/<str:token>/", views.answer, name="answer"),
]
