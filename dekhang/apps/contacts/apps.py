from django.apps import AppConfig


class ContactsConfig(AppConfig):
    name = "dekhang.apps.contacts"
    label = "contacts"
