from django.urls import path

from dekhang.apps.scoreboard import views
from dekhang.apps.scoreboard.blocks import views as blocks
from dekhang.apps.scoreboard.freezing import views as freezing
from dekhang.apps.scoreboard.gci import views as gci
from dekhang.apps.scoreboard.layers import views as layers
from dekhang.apps.scoreboard.leadership import views as leadership
from dekhang.apps.scoreboard.spending import views as spending
from dekhang.apps.scoreboard.whatif import views as whatif

app_name = "scoreboard"
urlpatterns = [
    path("", views.board, name="board"),
    path("in/", views.print_rows, name="print"),
    path("xuat.<str:form>", views.export, name="export"),
    path("dong-bang/", freezing.periods, name="periods"),
    path("dong-bang/<int:pk>/", freezing.period, name="period"),
    path("dong-bang/khac/<slug:duty_key>/", freezing.difference, name="difference"),
    path("bon-lop/", layers.all_units, name="layers"),
    path("bon-lop/xuat.<str:form>", layers.export, name="layers_export"),
    path("bon-lop/<int:unit_id>/", layers.one_unit, name="layers_of"),
    path("quyet-dinh/<slug:key>/", leadership.decision, name="decision"),
    path("thay-doi/", leadership.changes, name="changes"),
    path("khoi/", blocks.page, name="bands"),
    path("khoi/xuat.<str:form>", blocks.export, name="bands_export"),
    path("cong-thuc/", blocks.formula, name="formula"),
    path("gia-dinh/", whatif.page, name="what_if"),
    path("gci/", gci.page, name="gci"),
    path("gci/xuat.<str:form>", gci.export, name="gci_export"),
    path("gci/cong-khai/", gci.clear, name="gci_clear"),
    path("gci/noi-bo/", gci.withdraw, name="gci_withdraw"),
    path("gci/<slug:key>/", gci.indicator, name="gci_indicator"),
    path("kinh-phi/", spending.page, name="spending"),
    path("kinh-phi/xuat.<str:form>", spending.export, name="spending_export"),
]
