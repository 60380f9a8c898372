"""What the sandbox CA shows to the world: its certificate, its CRL shards, its OCSP responder."""

import base64
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from urllib.parse import unquote

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from core import clock
from core.errors import Refused, Unavailable
from revocation import ocsp
from revocation.sandbox import SandboxCA, open_ca

MAX_REQUEST = 4096
RETRY_SECONDS = 10
View = Callable[..., HttpResponse]


def of_sandbox(view: View) -> View:
    """Give the view the sandbox CA that the URL names: 404 if this site serves none of that name, 503 if it is away."""

    @wraps(view)
    def served(request: HttpRequest, slug: str, **kwargs: object) -> HttpResponse:
        if not settings.SANDBOX_ROOT:
            raise Http404("This site serves no sandbox CA.")
        try:
            ca = open_ca(Path(settings.SANDBOX_ROOT), slug)
            ca.require_running()
            return view(request, ca, **kwargs)
        except Refused as error:
            raise Http404(str(error)) from error
        except Unavailable as error:
            return _plain(str(error), 503, retry_after=RETRY_SECONDS)

    return served


def _plain(text: str, status: int, *, retry_after: int | None = None) -> HttpResponse:
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8", headers=headers)


@require_safe
@of_sandbox
def certificate(request: HttpRequest, ca: SandboxCA) -> HttpResponse:
    """The CA's certificate."""
    return HttpResponse(ca.certificate_pem, content_type="application/x-pem-file")


@require_safe
@of_sandbox
def crl(request: HttpRequest, ca: SandboxCA, shard: int) -> HttpResponse:
    """One CRL shard in DER (RFC 5280 4.2.1.13), published first if it is older than its interval."""
    return HttpResponse(ca.crl(shard, now=clock.now()).der, content_type="application/pkix-crl")


@csrf_exempt
@require_POST
@of_sandbox
def ocsp_post(request: HttpRequest, ca: SandboxCA) -> HttpResponse:
    """OCSP by POST (RFC 6960 A.1)."""
    length = request.headers.get("Content-Length") or "0"
    if not length.isdecimal() or int(length) > MAX_REQUEST:
        return _plain(f"An OCSP request has at most {MAX_REQUEST} bytes.", 413)
    return HttpResponse(ca.answer(request.body, now=clock.now()), content_type=ocsp.RESPONSE_TYPE)


@require_safe
@of_sandbox
def ocsp_get(request: HttpRequest, ca: SandboxCA, encoded: str) -> HttpResponse:
    """OCSP by GET, the request in base64 as the rest of the path (RFC 6960 A.1)."""
    try:
        asked = base64.b64decode(unquote(encoded), validate=True)
    except ValueError:  # also what is not ASCII
        return _plain("The path does not end in an OCSP request in base64.", 400)
    return HttpResponse(ca.answer(asked, now=clock.now()), content_type=ocsp.RESPONSE_TYPE)
