from django.urls import path

from dekhang.apps.registry import views

app_name = "registry"
urlpatterns = [
    path("", views.units, name="units"),
    path("<int:pk>/", views.unit, name="unit"),
    path("<int:pk>/dau-moi/", views.add_contact, name="add_contact"),
    path("dau-moi/<int:pk>/bo/", views.remove_contact, name="remove_contact"),
    path("<int:pk>/he-thong/", views.register_system, name="register_system"),
    path("he-thong/<int:pk>/ngung/", views.retire_system, name="retire_system"),
]
