from django.contrib.auth.decorators import login_not_required
from django.urls import path

from dekhang.apps.reports import views

app_name = "reports"
urlpatterns = [
    path("", views.report_list, name="list"),
    path("theo-doi/", views.follow, name="follow"),
    path("lap/<slug:kind>/", views.make, name="make"),
    path("kiem-tra/", login_not_required(views.ask_code), name="ask_code"),
    path("kiem-tra/<str:code>/", login_not_required(views.check), name="check"),
    path("<int:pk>/", views.detail, name="detail"),
    path("<int:pk>/tai/<slug:form>/", views.file, name="file"),
    path("<int:pk>/doi-chieu/", views.compare, name="compare"),
    path("<int:pk>/xac-nhan/", views.confirm, name="confirm"),
    path("<int:pk>/gui/", views.submit, name="submit"),
    path("<int:pk>/tiep-nhan/", views.receive, name="receive"),
    path("<int:pk>/tra-lai/", views.return_it, name="return"),
]
