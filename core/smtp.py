"""Addresses of mail servers, such as `smtp+tls://user:password@host:587`."""

from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured


def smtp_options(url: str) -> dict[str, Any]:
    """What Django's connection needs to know of an `smtp://` address; raises ImproperlyConfigured for anything else."""
    try:
        found = environ.Env.email_url_config(url)
    except (KeyError, ValueError, ImproperlyConfigured):
        raise ImproperlyConfigured("is no address such as smtp://127.0.0.1:1025") from None
    options = {
        "host": found["EMAIL_HOST"],
        "port": found["EMAIL_PORT"],
        "username": found["EMAIL_HOST_USER"] or "",
        "password": found["EMAIL_HOST_PASSWORD"] or "",
        "use_tls": found.get("EMAIL_USE_TLS", False),
        "use_ssl": found.get("EMAIL_USE_SSL", False),
    }
    if found["EMAIL_FILE_PATH"]:
        options["file_path"] = found["EMAIL_FILE_PATH"]
    return {"backend": found["EMAIL_BACKEND"], "options": options}
