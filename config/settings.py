"""One settings file; everything that differs between machines comes from the environment (`.env.example`)."""

import json
import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key
from django.utils.translation import gettext_noop

from config import mail, unfold

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.FileAwareEnv()
if (BASE_DIR / ".env").exists() and env.bool("READ_DOT_ENV", default=True):
    env.read_env(BASE_DIR / ".env")

VAR = Path(env.str("VAR", default=str(BASE_DIR / "var")))
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
SITE_URL = env.str("SITE_URL", default="http://127.0.0.1:8000").rstrip("/")
IS_HTTPS = SITE_URL.startswith("https://")


def _secret_key() -> str:
    """The signing key from the environment; on a machine without one, a key of its own that is made once and kept."""
    if key := env.str("SECRET_KEY", default=""):
        return str(key).strip()
    if IS_HTTPS:
        raise ImproperlyConfigured("SECRET_KEY is not set. A site under https needs one: 50 random characters or more.")
    path = VAR / "secret-key"
    if not path.exists():
        VAR.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(get_random_secret_key())
    return path.read_text()


SECRET_KEY = _secret_key()

# Apps, and what stands between them and a browser

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "anymail",
    "audit",
    "subscribers",
    "campaigns",
    "notices",
    "revocation",
    "reports",
    "rehearsal",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "libraries": {"figures": "core.figures"},
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Database: SQLite on one machine, PostgreSQL in production; the same code

DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{VAR / 'recall.sqlite3'}")}
DATABASES["default"]["ATOMIC_REQUESTS"] = False
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60)
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Time

TIME_ZONE = "UTC"
USE_TZ = True
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "中文")]
"""Those of notices and of the subscribers' pages, each by its own name. The console speaks English."""
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
CLOCK_FILE = env.str("CLOCK_FILE", default="")
"""A rehearsal's clock (`core.clock`); empty for the machine's own time."""
CLOCK_SPEED = env.float("CLOCK_SPEED", default=1.0)
"""How fast a rehearsal's clock runs; ticks follow it."""
if CLOCK_SPEED != 1 and not CLOCK_FILE:
    raise ImproperlyConfigured(
        "CLOCK_SPEED is for a rehearsal, which names its CLOCK_FILE; a live clock is never fast."
    )

# Work: due rows, and a broker that only says "look now"

BATCH = env.int("BATCH", default=500)
TASK_TIME_LIMIT = env.int("TASK_TIME_LIMIT", default=240)
LEASE = timedelta(seconds=env.int("LEASE_SECONDS", default=300))
if timedelta(seconds=TASK_TIME_LIMIT) >= LEASE:
    raise ImproperlyConfigured("LEASE_SECONDS must be longer than TASK_TIME_LIMIT, or a row could have two owners.")
BROKER_URL = env.str("REDIS_URL", default="") or "filesystem://"
if BROKER_URL.startswith("unix://"):
    BROKER_URL = "redis+socket" + BROKER_URL.removeprefix("unix")
BROKER_DIR = VAR / "broker"

# Signing in

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", default=False) else None
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "core.languages.refuse_form"

# Files

STATIC_URL = "static/"
STATIC_ROOT = VAR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

# Mail: one connection for live campaigns, another for drills, so that a drill can never reach a real subscriber

EMAIL_BACKEND = env.str("EMAIL_BACKEND", default="django.core.mail.backends.console.EmailBackend")
if email_url := env.str("EMAIL_URL", default=""):
    vars().update(env.email_url_config(email_url))
EMAIL_TIMEOUT = env.int("EMAIL_TIMEOUT", default=20)
MAIL_ROUTES = mail.routes(env, env.list("MAIL_ROUTES", default=[]))
"""The providers that mail goes through, in order of preference, each with its ceiling (`config.mail`)."""
MAIL_SLOW_SECONDS = env.float("MAIL_SLOW_SECONDS", default=5.0)
"""A provider that takes longer for a message, on average, rests for a while if there is another."""
DRILL_EMAIL_URL = env.str("DRILL_EMAIL_URL", default="")
"""`smtp://host:port` of the sink that takes the mail of drills; without one, a drill cannot be launched."""
DRILL_CHANNEL_URL = env.str("DRILL_CHANNEL_URL", default="")
"""Where everything but mail of drills is posted to as JSON; without it a drill has mail only."""
SMS_URLS = env.str("SMS_URLS", default="").split()
VOICE_URLS = env.str("VOICE_URLS", default="").split()
"""Apprise's addresses of providers, in order, with `{number}` where the telephone number goes."""
CHAT_HOSTS = env.list("CHAT_HOSTS", default=[])
"""`host` or `host:port` of chat servers in subscribers' houses that may be talked to, beside the public services."""
PRIVATE_WEBHOOK_HOSTS = env.list("PRIVATE_WEBHOOK_HOSTS", default=[])
"""`host:port` inside the house that may take webhooks; other private addresses, and plain http, are refused."""
NOTICE_FROM = env.str("NOTICE_FROM", default="Recall <revocation@localhost>")
NOTICE_REPLY_TO = env.str("NOTICE_REPLY_TO", default="")
NOTICE_PHONE = env.str("NOTICE_PHONE", default="")
"""The telephone number that answers day and night (BR 4.9.3); printed in every notice."""
RETURN_PATH = env.str("RETURN_PATH", default="")
"""The mailbox to which undeliverable messages return, each to a sub-address of its own (`notices.returns`)."""
if RETURN_PATH and not re.fullmatch(r"[^@+\s]{1,18}@[^@\s]+", RETURN_PATH):
    raise ImproperlyConfigured("RETURN_PATH is no address such as bounces@ca.example (18 characters before the @).")
RETURN_MAILBOXES = env.list("RETURN_MAILBOXES", default=[])
"""Where bounces and replies are read: imaps://user@host/Folder, imap+tls://… or maildir:///path."""
RETURN_MAILBOX_PASSWORD = env.str("RETURN_MAILBOX_PASSWORD", default="")
ANSWER_RECEIVED = env.bool("ANSWER_RECEIVED", default=True)
"""Whether a contact who answers by mail gets a confirmation of receipt, once a day."""
for _mailbox in RETURN_MAILBOXES:
    if not _mailbox.startswith(("imap://", "imap+tls://", "imaps://", "maildir:///")):
        raise ImproperlyConfigured(
            "RETURN_MAILBOXES: each is imaps://user@host/Folder, imap+tls://… or maildir:///path."
        )
CA_NAME = env.str("CA_NAME", default="Example CA")
CA_NAME_ZH_HANS = env.str("CA_NAME_ZH_HANS", default="")
AGREEMENT_CLAUSE = env.str(
    "AGREEMENT_CLAUSE", default=gettext_noop("the revocation clause of your Subscriber Agreement (BR 9.6.3 item 8)")
)
AGREEMENT_CLAUSE_ZH_HANS = env.str("AGREEMENT_CLAUSE_ZH_HANS", default="")
"""The same in Chinese texts; empty for the translation of the default, or else the English one."""


def _anymail_setting(name: str) -> Any:
    """A setting of Anymail from the environment: true, false, a list or a mapping as JSON, anything else as it is."""
    text = env.str(name, default="").strip()
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    try:
        return json.loads(text) if text.startswith(("[", "{")) else text
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} begins like JSON and is none: {error}.") from None


ANYMAIL = {
    name.removeprefix("ANYMAIL_"): _anymail_setting(name)
    for name in sorted({name.removesuffix("_FILE") for name in os.environ if name.startswith("ANYMAIL_")})
    if env.str(name, default="")
}
"""Every variable that begins with ANYMAIL_, such as ANYMAIL_MAILGUN_API_KEY, is a setting of Anymail."""
NOTICES_PER_TICK = env.int("NOTICES_PER_TICK", default=0)
"""How many notices may be sent in a tick of 15 seconds, where a provider sets a limit; 0 sends as fast as it goes."""

# The register

CONTACT_VERIFIED_DAYS = env.int("CONTACT_VERIFIED_DAYS", default=365)
"""For so many days a contact that was verified is known to be right."""

# Revocation

SANDBOX_ROOT = env.str("SANDBOX_ROOT", default="")
"""Folder of the sandbox CA that this site serves; empty serves none."""
REVOCATION_MARGIN = timedelta(seconds=env.int("REVOCATION_MARGIN_SECONDS", default=2 * 3600))
BREAKER_LIMIT = env.int("BREAKER_LIMIT", default=5)
"""How many refusals in a row from one CA halt a campaign."""
PRIVATE_STATUS_HOSTS = env.list("PRIVATE_STATUS_HOSTS", default=[])
"""`host:port` of CRL and OCSP servers inside the house that may be asked; other private addresses are refused."""

# The look of the console

UNFOLD = unfold.LOOK

# Watchers from outside

METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
"""The bearer token for `/metrics`; without one it answers this machine only."""

# The rehearsal

REHEARSAL = env.bool("REHEARSAL", default=False)

if DRILL_EMAIL_URL:
    live = [(globals().get("EMAIL_HOST"), globals().get("EMAIL_PORT"))]
    live += [(route["options"].get("host"), route["options"].get("port")) for route in MAIL_ROUTES]
    mail.check_sink(DRILL_EMAIL_URL, live=live, is_rehearsal=REHEARSAL)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "filters": {"hide_tokens": {"()": "core.redaction.HideTokens"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain", "filters": ["hide_tokens"]}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    # Without handlers of their own, so that every line passes the filter.
    "loggers": {"django": {"handlers": []}, "django.server": {"handlers": [], "propagate": True}},
}
