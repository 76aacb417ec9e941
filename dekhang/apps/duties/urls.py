from django.urls import path

from dekhang.apps.duties import views

app_name = "duties"
urlpatterns = [
    path("", views.mine, name="mine"),
    path("don-vi/<int:unit_id>/", views.of_unit, name="of_unit"),
    path("don-vi/<int:unit_id>/<slug:duty_key>/", views.duty, name="duty"),
    path("don-vi/<int:unit_id>/<slug:duty_key>/khai-bao/", views.declare, name="declare"),
    path("don-vi/<int:unit_id>/<slug:duty_key>/giai-trinh/", views.contest, name="contest"),
    path("khai-bao/<int:pk>/rut/", views.withdraw, name="withdraw"),
    path("khai-bao/<int:pk>/lay-lai/", views.declare_again, name="declare_again"),
    path("khai-bao/<int:pk>/van-ban/", views.document, name="document"),
    path("giai-trinh/", views.contests, name="contests"),
    path("giai-trinh/<int:pk>/tra-loi/", views.answer, name="answer"),
]
