from django.urls import path

from dekhang.apps.inspections.views import findings, samples, visits

app_name = "inspections"
urlpatterns = [
    path("", visits.visit_list, name="list"),
    path("mau/", samples.samples, name="samples"),
    path("mau/rut/", samples.new, name="draw"),
    path("mau/<int:pk>/", samples.sample, name="sample"),
    path("len-lich/", visits.plan, name="plan"),
    path("<int:pk>/", visits.visit, name="visit"),
    path("<int:pk>/chuyen/", visits.move, name="move"),
    path("<int:pk>/y-kien/", visits.comment, name="comment"),
    path("<int:pk>/muc/<int:item_pk>/", visits.answer, name="answer"),
    path("<int:pk>/phat-hien/", findings.raise_one, name="raise"),
    path("<int:pk>/bien-ban/", visits.make_minutes, name="make_minutes"),
    path("bien-ban/<int:pk>/", visits.minutes, name="minutes"),
    path("phat-hien/", findings.finding_list, name="findings"),
    path("phat-hien/<int:pk>/", findings.finding, name="finding"),
    path("phat-hien/<int:pk>/khac-phuc/", findings.file_one, name="file"),
    path("phat-hien/<int:pk>/kiem-tra-lai/", findings.judge, name="judge"),
    path("phat-hien/<int:pk>/rut/", findings.withdraw, name="withdraw"),
    path("khac-phuc/<int:pk>/", findings.follow_up_file, name="follow_up_file"),
]
