"""The languages that are shipped, which of them is nearest to one that is asked for, and in which a page speaks.

Whoever has opened a link may switch; a cookie remembers it on that browser. The console always speaks English.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import translation
from django.views.csrf import csrf_failure

CHINESE = {"zh", "cmn", "yue", "wuu", "nan", "hak", "gan", "hsn"}
"""Primary subtags whose readers are better served in written Chinese than in English."""


def shipped() -> tuple[str, ...]:
    """The tags of the shipped languages, in lower case."""
    return tuple(code.lower() for code, _ in settings.LANGUAGES)


def nearest(tag: str) -> str:
    """The shipped language for a BCP 47 tag: itself, else one with the same primary subtag, else the site's own."""
    asked = tag.strip().lower().replace("_", "-")
    if asked in shipped():
        return asked
    primary = asked.partition("-")[0]
    primary = "zh" if primary in CHINESE else primary
    return next((each for each in shipped() if each.partition("-")[0] == primary), settings.LANGUAGE_CODE)


def spoken(request: HttpRequest, preferred: str, answer: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """An answer in the language that the visitor has switched to, else in the preferred one.

    Where none is preferred the browser's counts. A switch is an address that ends in `?language=` and a shipped tag.
    """
    asked = request.GET.get("language", "")
    switched = asked if asked in shipped() else ""
    kept = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    known = switched or (kept if kept in shipped() else "") or (nearest(preferred) if preferred else "")
    language = known or translation.get_language_from_request(request)
    with translation.override(language):
        response = answer()
    response.headers["Content-Language"] = language
    if switched:
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            switched,
            max_age=settings.SESSION_COOKIE_AGE,
            secure=settings.IS_HTTPS,
            httponly=True,
            samesite="Lax",
        )
    return response


def refuse_form(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """What is answered to a form that came without its cookie (`CSRF_FAILURE_VIEW`)."""
    return spoken(request, "", lambda: csrf_failure(request, reason))


def in_this_language(setting: str) -> str:
    """A text of the house, such as `CA_NAME`: as the setting for the active language has it, else as the catalogue."""
    language = (translation.get_language() or settings.LANGUAGE_CODE).upper().replace("-", "_")
    own = getattr(settings, f"{setting}_{language}", "")
    return str(own or translation.gettext(getattr(settings, setting)))
