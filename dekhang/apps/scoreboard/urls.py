from django.urls import path

from dekhang.apps.scoreboard import views
from dekhang.apps.scoreboard.layers import views as layers
from dekhang.apps.scoreboard.spending import views as spending

app_name = "scoreboard"
urlpatterns = [
    path("", views.board, name="board"),
    path("in/", views.print_rows, name="print"),
    path("xuat.<str:form>", views.export, name="export"),
    path("bon-lop/", layers.all_units, name="layers"),
    path("bon-lop/xuat.<str:form>", layers.export, name="layers_export"),
    path("bon-lop/<int:unit_id>/", layers.one_unit, name="layers_of"),
    path("kinh-phi/", spending.page, name="spending"),
    path("kinh-phi/xuat.<str:form>", spending.export, name="spending_export"),
]
