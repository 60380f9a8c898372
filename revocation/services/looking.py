"""Fetching what the world sees: one CRL per shard and look, one OCSP answer per certificate. No database in here but
the highest CRL number seen."""

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from cryptography import x509
from django.conf import settings

from core import clock, http
from core.errors import Refused, Unavailable
from revocation import crl, ocsp
from revocation.models import Revocation, StatusCheck
from subscribers.models import Issuer

CRL_TIMEOUT = timedelta(seconds=30)
OCSP_TIMEOUT = timedelta(seconds=10)
AT_ONCE = 8
"""How many OCSP questions are open at the same time."""
SKEW = timedelta(minutes=5)
"""How far the CA's clock may be ahead of ours."""
PROCESS_SKEW = timedelta(seconds=30)
"""How far two of our own processes may be apart, by the world's time: a rehearsal's clock makes hours of it."""


class Moment:
    """The present of a long act: the moment at which it began, and what has passed since on the clock."""

    def __init__(self, now: datetime) -> None:
        self._began, self._counted = now, time.monotonic()

    def now(self) -> datetime:
        """The moment now."""
        return self._began + clock.stretched(timedelta(seconds=time.monotonic() - self._counted))


@dataclass(frozen=True)
class CRLLook:
    """One CRL as it was fetched; `found` is None, and `problem` says why, if it proves nothing."""

    url: str
    at: datetime
    problem: str = ""
    body: bytes = b""
    found: crl.VerifiedCRL | None = None
    sha256: str = ""


@dataclass(frozen=True)
class OCSPLook:
    """One OCSP answer; `status` is None, and `problem` says why, if it proves nothing."""

    row: Revocation
    url: str
    at: datetime
    problem: str = ""
    body: bytes = b""
    status: ocsp.VerifiedStatus | None = None


def skew() -> timedelta:
    """By how much a thisUpdate may lie ahead."""
    return max(SKEW, clock.stretched(PROCESS_SKEW))


def is_ours(url: str) -> bool:
    """Whether the operator has configured this place, so that it may be at a private address."""
    if urlsplit(url).netloc in settings.PRIVATE_STATUS_HOSTS:
        return True
    return bool(settings.SANDBOX_ROOT) and url.startswith(f"{settings.SITE_URL}/sandbox/")


def look_at_crl(url: str, issuer: Issuer, *, moment: Moment) -> CRLLook:
    """Fetch and verify one CRL; what is wrong with it is told, not raised."""
    seen = StatusCheck.objects.filter(issuer=issuer, url=url, method=StatusCheck.Method.CRL, is_valid=True)
    number = seen.order_by("-at").values_list("crl_number", flat=True).first()
    body, sha256 = b"", ""
    try:
        answer = http.fetch(url, limit_bytes=crl.LIMIT_BYTES, timeout=CRL_TIMEOUT, allow_private=is_ours(url))
        body, sha256 = answer.body, answer.sha256
        found = crl.read(
            body,
            issuer=certificate_of(issuer),
            now=moment.now(),
            url=url,
            after_number=int(number) if number else None,
            skew=skew(),
        )
    except (Refused, Unavailable) as error:
        return CRLLook(url, moment.now(), problem=str(error)[:500], body=body, sha256=sha256)
    return CRLLook(url, moment.now(), body=body, found=found, sha256=sha256)


def look_at_ocsp(rows: Iterable[Revocation], issuer: Issuer, *, moment: Moment) -> Iterator[OCSPLook]:
    """Ask the OCSP responder of each certificate, several at a time; what is wrong is told, not raised."""
    certificate = certificate_of(issuer)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(lambda row: _ask(row, certificate, moment), rows)


def _ask(row: Revocation, issuer: x509.Certificate, moment: Moment) -> OCSPLook:
    certificate = row.affected_certificate.certificate
    url, body = certificate.ocsp_url, b""
    try:
        post = http.Post(ocsp.request(certificate.serial_number, issuer), ocsp.REQUEST_TYPE)
        answer = http.fetch(
            url, limit_bytes=ocsp.LIMIT_BYTES, timeout=OCSP_TIMEOUT, allow_private=is_ours(url), post=post
        )
        body = answer.body
        status = ocsp.read(body, serial_number=certificate.serial_number, issuer=issuer, now=moment.now(), skew=skew())
    except (Refused, Unavailable) as error:
        return OCSPLook(row, url, moment.now(), problem=str(error)[:500], body=body)
    return OCSPLook(row, url, moment.now(), body=body, status=status)


def certificate_of(issuer: Issuer) -> x509.Certificate:
    """The issuer's certificate. Raises `Refused` if the register holds none that can be read."""
    try:
        return x509.load_pem_x509_certificate(issuer.certificate_pem.encode())
    except ValueError as error:
        raise Refused(f"The certificate of {issuer} cannot be read: {error}.") from error
