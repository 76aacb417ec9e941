from django.urls import path

from dekhang.apps.search import hunting, views

app_name = "search"
urlpatterns = [
    path("", views.page, name="page"),
    path("su-kien/<int:event_id>/", views.event, name="event"),
    path("quanh/<int:event_id>/", views.around, name="around"),
    path("xuat/<slug:form>/", views.export, name="export"),
    path("da-luu/", views.saved, name="saved"),
    path("da-luu/moi/", views.save, name="save"),
    path("da-luu/<int:pk>/", views.rename, name="rename"),
    path("da-luu/<int:pk>/xoa/", views.remove, name="remove"),
    path("da-luu/<int:pk>/khoi-phuc/", views.restore, name="restore"),
    path("lung/", hunting.hunts, name="hunts"),
    path("lung/moi/", hunting.start, name="start_hunt"),
    path("lung/<slug:key>/", hunting.hunt, name="hunt"),
    path("lung/<slug:key>/dung/", hunting.cancel, name="cancel_hunt"),
    path("lung/<slug:key>/lam-tiep/", hunting.resume, name="resume_hunt"),
    path("lung/<slug:key>/thanh-canh-bao/", hunting.to_alerts, name="hunt_to_alerts"),
]
