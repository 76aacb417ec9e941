from django.urls import path

from dekhang.apps.alerts import views

app_name = "alerts"
urlpatterns = [
    path("", views.alert_list, name="list"),
    path("khong-ro-don-vi/", views.strays, name="strays"),
    path("don-vi/<int:unit_id>/", views.of_unit, name="of_unit"),
    path("<int:pk>/", views.detail, name="detail"),
    path("<int:pk>/tiep-nhan/", views.acknowledge, name="acknowledge"),
    path("<int:pk>/ket-thuc/", views.close, name="close"),
    path("<int:pk>/mo-lai/", views.reopen, name="reopen"),
    path("<int:pk>/phat-hien/<int:detection_pk>/", views.raw_events, name="raw_events"),
]
