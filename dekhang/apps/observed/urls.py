from django.urls import path

from dekhang.apps.observed import views

app_name = "observed"
urlpatterns = [
    path("", views.overview, name="overview"),
    path("<int:unit_id>/", views.of_unit, name="of_unit"),
    path("<int:unit_id>/dang-ky/", views.register, name="register"),
    path("<int:unit_id>/khong-phai/", views.dismiss, name="dismiss"),
    path("rut-lai/<int:pk>/", views.undo, name="undo"),
]
