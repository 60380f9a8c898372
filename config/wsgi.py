"""The WSGI entry point."""

import logging
import os

from django.core.wsgi import get_wsgi_application

from core.redaction import HideTokens

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()
# The server's own log of requests does not pass through the settings.
logging.getLogger("gunicorn.access").addFilter(HideTokens())
