"""What keeps a page that is opened by a link private.

The token in the address is a key: no page loads anything from elsewhere, no other site is told the address, no cache
keeps a page, and `core.redaction` keeps it out of the log.
"""

from django.http import HttpResponseBase
from django.utils.cache import patch_cache_control

SEALS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    # Not no-referrer: with that, browsers send `Origin: null` with our own forms, and no CSRF check can pass. This one
    # never sends more than the site's name, so the token stays here all the same.
    "Referrer-Policy": "strict-origin",
    "X-Robots-Tag": "noindex, nofollow",
}


def sealed(response: HttpResponseBase) -> HttpResponseBase:
    """An answer that nobody else gets to see."""
    for name, value in SEALS.items():
        response.headers[name] = value
    patch_cache_control(response, no_store=True, private=True)
    return response
