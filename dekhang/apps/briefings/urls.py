from django.contrib.auth.decorators import login_not_required
from django.urls import path

from dekhang.apps.briefings.views import attendance, planning, taking_part

app_name = "briefings"
urlpatterns = [
    path("", taking_part.briefing_list, name="list"),
    path("moi/", planning.new, name="new"),
    path("quet/<str:code>/", login_not_required(attendance.scan), name="scan"),
    path("co-mat/", login_not_required(attendance.here), name="here"),
    path("<int:pk>/", taking_part.detail, name="detail"),
    path("<int:pk>/sua/", planning.change, name="change"),
    path("<int:pk>/chuyen/", planning.move, name="move"),
    path("<int:pk>/moi-du/", planning.invite, name="invite"),
    path("giay-moi/<int:pk>/bo/", planning.uninvite, name="uninvite"),
    path("<int:pk>/tai-lieu/", planning.add_material, name="add_material"),
    path("tai-lieu/<int:pk>/rut/", planning.withdraw_material, name="withdraw_material"),
    path("tai-lieu/<int:pk>/", taking_part.material, name="material"),
    path("tai-lieu/<int:pk>/da-doc/", taking_part.read, name="read"),
    path("<int:pk>/hoi/", taking_part.ask, name="ask"),
    path("cau-hoi/<int:pk>/tra-loi/", taking_part.answer, name="answer"),
    path("<int:pk>/man-hinh/", attendance.screen, name="screen"),
    path("<int:pk>/diem-danh/", attendance.attendance, name="attendance"),
    path("<int:pk>/diem-danh/ghi/", attendance.write_down, name="write_down"),
    path("<int:pk>/diem-danh/ky-ten/", attendance.printed, name="printed"),
    path("<int:pk>/diem-danh/tep/<slug:form>/", attendance.export, name="export"),
    path("<int:pk>/diem-danh/nap/", attendance.bring_sheet, name="bring_sheet"),
    path("ky-ten/<int:pk>/", attendance.sheet, name="sheet"),
    path("co-mat/<int:pk>/gach/", attendance.strike, name="strike"),
    path("co-mat/<int:pk>/lay-lai/", attendance.restore, name="restore"),
]
