"""Files for the register, as operators bring them."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from cryptography import x509

from subscribers.models import Certificate, Commitment, Contact, Issuer, Subscriber
from subscribers.services import ImportReport, import_register
from tests import pki
from tests.conftest import NOW

ACTOR = "staff:olga"
SUBSCRIBERS = (
    "reference,name,class,language,time zone\nB-1,Example Bank,finance,zh-CN,Asia/Shanghai\nC-2,City,government,,\n"
)
CONTACTS = "subscriber,e-mail,name,role\nB-1,primary@bank.example,Wang,primary\nB-1,backup@bank.example,Li,backup\n"
CERTIFICATES = "issuer,serial,not_before,not_after,subscriber,names"


def issuer_key() -> str:
    """The key identifier of the test CA, in hex."""
    identifier = pki.authority().key_identifier.key_identifier
    assert identifier
    return identifier.hex()


def issuer_line(ca: pki.Authority | None = None, name: str = "Test CA", **more: object) -> str:
    """An issuer as one JSON line."""
    pem = (ca or pki.authority()).pem.decode()
    return json.dumps({"kind": "issuer", "name": name, "certificate_pem": pem, **more}) + "\n"


def bundle(leaves: Iterable[x509.Certificate], subscriber: str = "") -> bytes:
    """A PEM file; each certificate with a line that says whose it is."""
    whose = f"Subscriber: {subscriber}\n".encode() if subscriber else b""
    return b"".join(whose + pki.pem(leaf) for leaf in leaves)


def files(folder: Path, *contents: str | bytes) -> list[Path]:
    """Files with these contents, named in order."""
    paths = []
    for number, content in enumerate(contents):
        path = folder / f"file-{number}"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        paths.append(path)
    return paths


def bring(folder: Path, *contents: str | bytes, commit: bool = True, keep_good: bool = False) -> ImportReport:
    """Import files with these contents."""
    paths = files(folder, *contents)
    return import_register(paths, commit=commit, keep_good=keep_good, actor=ACTOR, now=NOW)


def told(report: ImportReport) -> list[str]:
    """The errors, without the folder."""
    return [str(error).rsplit("/", 1)[-1] for error in report.errors]


def sizes() -> Sequence[int]:
    """How many rows the register has of each kind."""
    return [model.objects.count() for model in (Issuer, Subscriber, Contact, Commitment, Certificate)]
