from django.urls import include, path

urlpatterns = [
    path("", include("dekhang.apps.portal.urls")),
    path("", include("dekhang.apps.core.urls")),
    path("don-vi/", include("dekhang.apps.registry.urls")),
    path("nghia-vu/", include("dekhang.apps.duties.urls")),
    path("dau-moi/", include("dekhang.apps.contacts.urls")),
    path("da-thay/", include("dekhang.apps.observed.urls")),
    path("ke-hoach/", include("dekhang.apps.cascade.urls")),
    path("nguon-log/", include("dekhang.apps.sources.urls")),
    path("luu-giu/", include("dekhang.apps.retention.urls")),
    path("tim-kiem/", include("dekhang.apps.search.urls")),
    path("canh-bao/", include("dekhang.apps.alerts.urls")),
    path("su-co/", include("dekhang.apps.incidents.urls")),
    path("kiem-tra/", include("dekhang.apps.inspections.urls")),
    path("hoi-nghi/", include("dekhang.apps.briefings.urls")),
    path("bang-diem/", include("dekhang.apps.scoreboard.urls")),
    path("tich-hop/", include("dekhang.apps.api.urls")),
    path("api/v1/", include("dekhang.apps.api.rest.routes")),
    path("bao-cao/", include("dekhang.apps.reports.urls")),
]
handler400 = "dekhang.apps.core.views.bad_request"
handler403 = "dekhang.apps.core.views.denied"
handler404 = "dekhang.apps.core.views.not_found"
handler500 = "dekhang.apps.core.views.broken"
