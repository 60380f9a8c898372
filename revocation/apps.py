from django.apps import AppConfig


class RevocationConfig(AppConfig):
    name = "revocation"
