from django.contrib.auth.decorators import login_not_required
from django.urls import path

from dekhang.apps.portal.invitations import views as inviting
from dekhang.apps.portal.views import accounts, home, signing

app_name = "portal"
urlpatterns = [
    path("", home.home, name="home"),
    path("lanh-dao/", home.leadership, name="leadership"),
    path("viec/<int:unit_id>/", home.work_of, name="work_of"),
    path("viec/chon-don-vi/", home.choose_unit, name="choose_unit"),
    path("dang-nhap/", login_not_required(signing.login), name="login"),
    path("dang-xuat/", signing.logout, name="logout"),
    path("mat-khau/", signing.password, name="password"),
    path("dang-truc/<int:pk>/", home.on_duty, name="on_duty"),
    path("loi-moi/", inviting.invitations, name="invitations"),
    path("loi-moi/<int:pk>/gui-lai/", inviting.resend, name="resend_invitation"),
    path("loi-moi/<int:pk>/rut/", inviting.revoke, name="revoke_invitation"),
    path("loi-moi/nhan/<str:token>/", inviting.invited, name="invited"),
    path("tai-khoan/", accounts.accounts, name="accounts"),
    path("tai-khoan/moi/", accounts.new_account, name="new_account"),
    path("tai-khoan/<int:pk>/", accounts.account, name="account"),
    path("tai-khoan/<int:pk>/khoa/", accounts.close, name="close_account"),
    path("tai-khoan/<int:pk>/mo-lai/", accounts.reopen, name="reopen_account"),
    path("tai-khoan/<int:pk>/dat-mat-khau/", accounts.set_password, name="set_password"),
    path("tai-khoan/<int:pk>/vi-tri/", accounts.fill_post, name="fill_post"),
    path("vi-tri/<int:pk>/thoi/", accounts.vacate_post, name="vacate_post"),
]
