from django.urls import path

from dekhang.apps.api import views
from dekhang.apps.api.webhooks import views as webhooks

app_name = "api"
urlpatterns = [
    path("", views.tokens, name="tokens"),
    path("ma/moi/", views.new_token, name="new_token"),
    path("ma/<int:pk>/thu-hoi/", views.revoke, name="revoke_token"),
    path("oscal/<slug:what>.json", views.oscal_file, name="oscal"),
    path("webhook/", webhooks.webhooks, name="webhooks"),
    path("webhook/moi/", webhooks.new_webhook, name="new_webhook"),
    path("webhook/<int:pk>/", webhooks.webhook, name="webhook"),
    path("webhook/<int:pk>/khoa/", webhooks.change_key, name="webhook_key"),
    path("webhook/<int:pk>/ngung/", webhooks.stop, name="stop_webhook"),
    path("webhook/<int:pk>/chay-lai/", webhooks.resume, name="resume_webhook"),
    path("webhook/<int:pk>/tin/<int:delivery_pk>/gui-lai/", webhooks.send_again, name="send_again"),
]
