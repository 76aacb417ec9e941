from django.urls import path

from dekhang.apps.incidents.views import incidents, reports, run, sops

app_name = "incidents"
urlpatterns = [
    path("", incidents.incident_list, name="list"),
    path("mo/", incidents.open_incident, name="open"),
    path("canh-bao/<int:pk>/", incidents.of_alert, name="of_alert"),
    path("quy-trinh/", sops.sops, name="sops"),
    path("quy-trinh/<slug:kind>/", sops.sop, name="sop"),
    path("quy-trinh/<slug:kind>/ap-dung/", sops.adopt, name="sop_adopt"),
    path("quy-trinh/ban/<int:pk>/phe-duyet/", sops.approve, name="sop_approve"),
    path("quy-trinh/ban/<int:pk>/da-doc/", sops.confirm_read, name="sop_read"),
    path("quy-trinh/ban/<int:pk>/van-ban/", sops.document, name="sop_document"),
    path("<int:pk>/", incidents.detail, name="detail"),
    path("<int:pk>/thoi-han/", incidents.clocks, name="clocks"),
    path("<int:pk>/buoc/<int:step_pk>/xong/", run.finish, name="finish"),
    path("<int:pk>/buoc/<int:step_pk>/bo-qua/", run.skip, name="skip"),
    path("<int:pk>/quay-lai/", run.undo, name="undo"),
    path("<int:pk>/ghi-chu/", run.note, name="note"),
    path("<int:pk>/dinh-kem/", run.attach, name="attach"),
    path("<int:pk>/tep/<int:attachment_pk>/", run.attachment, name="attachment"),
    path("<int:pk>/kha-nang/", run.capacity, name="capacity"),
    path("<int:pk>/ket-thuc-ung-cuu/", run.handled, name="handled"),
    path("<int:pk>/dong/", run.close, name="close"),
    path("<int:pk>/huy/", run.cancel, name="cancel"),
    path("<int:pk>/mo-lai/", run.reopen, name="reopen"),
    path("<int:pk>/su-kien/<slug:event_key>/", run.event, name="event"),
    path("<int:pk>/su-kien/<slug:event_key>/rut/", run.withdraw_event, name="withdraw_event"),
    path("<int:pk>/van-ban/<slug:kind>/", reports.report, name="report"),
    path("<int:pk>/van-ban/<int:report_pk>/tai/", reports.report_file, name="report_file"),
    path("<int:pk>/van-ban/<int:report_pk>/da-gui/", reports.sent, name="report_sent"),
]
