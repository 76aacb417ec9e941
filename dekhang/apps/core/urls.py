from django.contrib.auth.decorators import login_not_required
from django.urls import path

from dekhang.apps.core import views

app_name = "core"
urlpatterns = [
    path("healthz", login_not_required(views.healthz), name="healthz"),
    path("nhat-ky/", views.audit_log, name="audit"),
    path("huong-dan/", views.guides, name="guides"),
    path("huong-dan/<slug:slug>/", views.guide, name="guide"),
]
