from django.urls import path

from dekhang.apps.duties import views
from dekhang.apps.duties.checks import views as checks
from dekhang.apps.duties.contesting import views as contesting
from dekhang.apps.duties.filing import views as filing
from dekhang.apps.duties.supporting import views as supporting

app_name = "duties"
urlpatterns = [
    path("", views.mine, name="mine"),
    path("don-vi/<int:unit_id>/", views.of_unit, name="of_unit"),
    path("don-vi/<int:unit_id>/<slug:duty_key>/", views.duty, name="duty"),
    path("don-vi/<int:unit_id>/<slug:duty_key>/khai-bao/", views.declare, name="declare"),
    path("don-vi/<int:unit_id>/<slug:duty_key>/giai-trinh/", contesting.contest, name="contest"),
    path("khai-bao/<int:pk>/rut/", views.withdraw, name="withdraw"),
    path("khai-bao/<int:pk>/lay-lai/", views.declare_again, name="declare_again"),
    path("khai-bao/<int:pk>/van-ban/", views.document, name="document"),
    path("van-ban/", filing.mine, name="documents"),
    path("van-ban/cho-kiem-tra/", filing.queue, name="review_queue"),
    path("van-ban/dau-hieu/", filing.signs, name="signs"),
    path("van-ban/cua/<int:unit_id>/", filing.of_unit, name="documents_of"),
    path("van-ban/cua/<int:unit_id>/nop/<slug:kind>/", filing.new, name="new_document"),
    path("van-ban/<int:pk>/", filing.revision, name="revision"),
    path("van-ban/<int:pk>/tep/", filing.file, name="revision_file"),
    path("van-ban/<int:pk>/chap-nhan/", filing.accept, name="accept_revision"),
    path("van-ban/<int:pk>/tra-lai/", filing.send_back, name="return_revision"),
    path("van-ban/<int:pk>/rut/", filing.withdraw, name="withdraw_revision"),
    path("van-ban/<int:pk>/nop-lai/", filing.resubmit, name="resubmit_revision"),
    path("nhan-thuc/", checks.checks, name="checks"),
    path("nhan-thuc/mau.xlsx", checks.sample, name="checks_sample"),
    path("nhan-thuc/<int:pk>/hoan-tac/", checks.undo, name="undo_checks"),
    path("doanh-nghiep/", supporting.providers, name="providers"),
    path("doanh-nghiep/yeu-cau/<int:pk>/", supporting.support, name="support"),
    path("doanh-nghiep/yeu-cau/<int:pk>/tra-loi/", supporting.record_answer, name="answer_support"),
    path("doanh-nghiep/yeu-cau/<int:pk>/xac-nhan/", supporting.verify, name="verify_support"),
    path("giai-trinh/", contesting.contests, name="contests"),
    path("giai-trinh/<int:pk>/", contesting.page, name="contest_page"),
    path("giai-trinh/<int:pk>/sua/", contesting.correct, name="correct_contest"),
    path("giai-trinh/<int:pk>/tu-choi/", contesting.refuse, name="refuse_contest"),
    path("giai-trinh/<int:pk>/rut/", contesting.withdraw, name="withdraw_contest"),
]
