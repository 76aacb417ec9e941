from django.contrib.auth.decorators import login_not_required
from django.urls import path

from dekhang.apps.portal import views

app_name = "portal"
urlpatterns = [
    path("", views.home, name="home"),
    path("dang-nhap/", login_not_required(views.login), name="login"),
    path("dang-xuat/", views.logout, name="logout"),
]
