"""The ways out for mail, read from the environment: providers in order, each with its ceiling."""

import re
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from core.smtp import smtp_options

NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")


def routes(env: environ.Env, named: list[str]) -> list[dict[str, Any]]:
    """The routes of MAIL_ROUTES in their order; without any, "default" goes over EMAIL_BACKEND and EMAIL_URL.

    Each has a `name`, a `backend` (empty: the one of the settings), its `options` and a ceiling `per_minute`, where 0
    means none.
    """
    names = [name.strip().lower() for name in named if name.strip()]
    if len(set(names)) < len(names):
        raise ImproperlyConfigured("MAIL_ROUTES names a route twice.")
    if not names:
        return [{"name": "default", "backend": "", "options": {}, "per_minute": _rate(env, "default")}]
    return [_route(env, name) for name in names]


def _route(env: environ.Env, name: str) -> dict[str, Any]:
    if not NAME.fullmatch(name):
        raise ImproperlyConfigured(f"MAIL_ROUTES: {name!r} is no name; use letters, digits and underscores.")
    variable = f"MAIL_ROUTE_{name.upper()}"
    where = env.str(variable, default="").strip()
    if not where:
        raise ImproperlyConfigured(f"{variable} is not set, and MAIL_ROUTES names it.")
    try:
        found = smtp_options(where) if "://" in where else {"backend": where, "options": {}}
    except ImproperlyConfigured as error:
        raise ImproperlyConfigured(f"{variable} {error}.") from None
    own = env.json(f"MAIL_OPTIONS_{name.upper()}", default={})
    if not isinstance(own, dict):
        raise ImproperlyConfigured(f"MAIL_OPTIONS_{name.upper()} is no JSON object.")
    return {"name": name, **found, "options": found["options"] | own, "per_minute": _rate(env, name)}


def _rate(env: environ.Env, name: str) -> int:
    rate = int(env.int(f"MAIL_RATE_{name.upper()}", default=0))
    if rate < 0:
        raise ImproperlyConfigured(f"MAIL_RATE_{name.upper()} is below 0.")
    return rate


def check_sink(url: str, *, live: list[tuple[Any, Any]], is_rehearsal: bool) -> None:
    """Refuse a sink of drills that is no sink: drills are addressed to the subscribers of the register."""
    try:
        found = smtp_options(url)["options"]
    except ImproperlyConfigured as error:
        raise ImproperlyConfigured(f"DRILL_EMAIL_URL {error}.") from None
    if found["host"] and not is_rehearsal and (found["host"], found["port"]) in live:
        raise ImproperlyConfigured("DRILL_EMAIL_URL is the mail server of live campaigns: a drill would reach people.")
