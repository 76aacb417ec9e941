from django.urls import path

from dekhang.apps.sources import views

app_name = "sources"
urlpatterns = [
    path("", views.source_list, name="list"),
    path("ket-noi/", views.choose, name="choose"),
    path("ket-noi/<slug:kind>/", views.connect, name="connect"),
    path("chung-chi-goc/", views.authority, name="authority"),
    path("tiep-nhan/", views.intake, name="intake"),
    path("may-gui-la/", views.unknown_senders, name="unknown_senders"),
    path("don-vi/<int:unit_id>/", views.of_unit, name="of_unit"),
    path("kha-nang-thay/", views.detectability, name="detectability"),
    path("kha-nang-thay/<int:unit_id>/", views.detectability_of, name="detectability_of"),
    path("kha-nang-thay/<int:unit_id>/csv/", views.detectability_csv, name="detectability_csv"),
    path("kha-nang-thay/<int:unit_id>/<slug:technique>/", views.technique, name="technique"),
    path("im-lang/<int:pk>/", views.silence, name="silence"),
    path("phep-thu/", views.canaries, name="canaries"),
    path("phep-thu/lich/<slug:kind>/", views.canary_plan, name="canary_plan"),
    path("phep-thu/<int:pk>/", views.canary, name="canary"),
    path("phep-thu/<int:pk>/huy/", views.cancel_canary, name="cancel_canary"),
    path("<int:pk>/", views.detail, name="detail"),
    path("<int:pk>/cau-hinh/", views.setup, name="setup"),
    path("<int:pk>/cau-hinh/<slug:shipper>/", views.configuration, name="configuration"),
    path("<int:pk>/tinh-trang/", views.live, name="live"),
    path("<int:pk>/sua/", views.change, name="change"),
    path("<int:pk>/cap-lai-ma/", views.renew_token, name="renew_token"),
    path("<int:pk>/ngung-ma-cu/", views.end_former_token, name="end_former_token"),
    path("<int:pk>/han-muc/", views.quota, name="quota"),
    path("<int:pk>/ngung/", views.retire, name="retire"),
    path("<int:pk>/dung-lai/", views.restore, name="restore"),
    path("<int:pk>/tai-len/", views.upload, name="upload"),
    path("<int:pk>/tep/", views.uploads, name="uploads"),
    path("<int:pk>/thu/", views.start_canary, name="start_canary"),
]
