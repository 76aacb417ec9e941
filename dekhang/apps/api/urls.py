from django.urls import path

from dekhang.apps.api import views

app_name = "api"
urlpatterns = [
    path("", views.tokens, name="tokens"),
    path("ma/moi/", views.new_token, name="new_token"),
    path("ma/<int:pk>/thu-hoi/", views.revoke, name="revoke_token"),
]
