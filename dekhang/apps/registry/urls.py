from django.urls import path

from dekhang.apps.registry import views
from dekhang.apps.registry.inventory import views as inventory
from dekhang.apps.registry.people import views as people
from dekhang.apps.registry.people.directory import views as directory
from dekhang.apps.registry.reorganise import views as reorganising

app_name = "registry"
urlpatterns = [
    path("", views.units, name="units"),
    path("can-bo/", people.roster, name="roster"),
    path("can-bo/xuat/", people.export, name="export_roster"),
    path("can-bo/mau/", people.sample, name="roster_sample"),
    path("can-bo/nap/", people.bring, name="bring_roster"),
    path("can-bo/nap/<int:pk>/", people.roster_import, name="roster_import"),
    path("can-bo/nap/<int:pk>/xac-nhan/", people.confirm, name="confirm_roster"),
    path("can-bo/nap/<int:pk>/bo/", people.drop, name="drop_roster"),
    path("can-bo/nap/<int:pk>/hoan-tac/", people.undo, name="undo_roster"),
    path("can-bo/danh-ba/", directory.directory, name="directory"),
    path("can-bo/danh-ba/thu/", directory.try_one, name="directory_try"),
    path("can-bo/danh-ba/hoi-ngay/", directory.run_now, name="directory_run"),
    path("he-thong/", inventory.systems, name="systems"),
    path("vi-tri/", inventory.posts, name="posts"),
    path("dai-dia-chi/", inventory.networks, name="networks"),
    path("<int:pk>/dai-dia-chi/", inventory.add_network, name="add_network"),
    path("dai-dia-chi/<int:pk>/bo/", inventory.remove_network, name="remove_network"),
    path("<int:pk>/ten-may/", inventory.add_name, name="add_name"),
    path("ten-may/<int:pk>/bo/", inventory.remove_name, name="remove_name"),
    path("nha-mang/", inventory.providers, name="providers"),
    path("nha-mang/moi/", inventory.provider, name="new_provider"),
    path("nha-mang/<int:pk>/", inventory.provider, name="provider"),
    path("nha-mang/<int:pk>/thoi/", inventory.end_provider, name="end_provider"),
    path("sap-xep/", reorganising.reorganisations, name="reorganisations"),
    path("sap-xep/moi/<slug:kind>/", reorganising.plan, name="plan"),
    path("sap-xep/theo-van-ban/<str:day>/", reorganising.of_record, name="plan_of_record"),
    path("sap-xep/<int:pk>/huy/", reorganising.take_back, name="take_back"),
    path("<int:pk>/", views.unit, name="unit"),
    path("<int:pk>/dau-moi/", views.add_contact, name="add_contact"),
    path("dau-moi/<int:pk>/bo/", views.remove_contact, name="remove_contact"),
    path("<int:pk>/he-thong/", views.register_system, name="register_system"),
    path("he-thong/<int:pk>/ngung/", views.retire_system, name="retire_system"),
]
