"""The sandbox CA itself: a folder with a key, a certificate and the books, and what can be asked of it."""

import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp as x509_ocsp
from cryptography.x509.oid import NameOID

from core.errors import Refused, Unavailable
from revocation import ocsp
from revocation.sandbox import books, crls, leaves, responder
from revocation.sandbox.books import Record, Request
from revocation.sandbox.crls import Published
from revocation.sandbox.leaves import Leaf
from revocation.sandbox.profile import Profile
from revocation.sandbox.store import Store

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
SERIAL_OCTETS = 16
"""BR 7.1 asks for 64 bits of a CSPRNG at least."""
AGE, LIFE = timedelta(days=3 * 365), timedelta(days=12 * 365)
"""A sandbox CA is born old, so that it may have issued what a drill is about."""
KEY, CERTIFICATE, BOOKS, STOPPED = "ca-key.pem", "ca.pem", "books.sqlite3", "stopped"
USAGE = x509.KeyUsage(
    digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
    key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
)  # fmt: skip


class SandboxCA:
    """One sandbox CA. Several processes may hold the same one; every verb raises `Unavailable` while it is stopped."""

    def __init__(self, folder: Path, profile: Profile) -> None:
        self.folder, self.profile, self.store = folder, profile, Store(folder / BOOKS)
        self.certificate = x509.load_pem_x509_certificate((folder / CERTIFICATE).read_bytes())
        key = serialization.load_pem_private_key((folder / KEY).read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise Refused(f"{folder / KEY} is no P-256 key.")
        identifier = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
            self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        )
        self._signer = leaves.Signer(key, self.certificate.subject, identifier, leaves.access(self.ocsp_url))
        self._names = {name: ocsp.issuer_hashes(self.certificate, kind) for name, kind in _CERT_ID_HASHES.items()}

    @property
    def certificate_pem(self) -> bytes:
        """The CA's certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def url(self) -> str:
        """Where this CA is served."""
        return f"{self.profile.base_url.rstrip('/')}/sandbox/{self.folder.name}"

    @property
    def ocsp_url(self) -> str:
        """Where its OCSP responder listens."""
        return f"{self.url}/ocsp"

    @property
    def crl_urls(self) -> list[str]:
        """Where its CRL shards are published."""
        return [self.crl_url(shard) for shard in range(self.profile.shards)]

    def crl_url(self, shard: int) -> str:
        """Where one CRL shard is published."""
        return f"{self.url}/crl/{shard}.crl"

    # The switch

    def stop(self) -> None:
        """Let the CA be away, for all processes, until `start`."""
        (self.folder / STOPPED).touch()

    def start(self) -> None:
        """End what `stop` began."""
        (self.folder / STOPPED).unlink(missing_ok=True)

    def is_stopped(self) -> bool:
        """Whether the CA is away."""
        return (self.folder / STOPPED).exists()

    def require_running(self) -> None:
        """Raise `Unavailable` while the CA is stopped."""
        if self.is_stopped():
            raise Unavailable(f"The sandbox CA {self.folder.name} is stopped.")

    # Issuing and revoking

    def issue(self, leaf: Leaf) -> x509.Certificate:
        """Issue one certificate, bound to a CRL shard for life."""
        return next(self.issue_many([leaf]))

    def issue_many(self, wanted: Iterable[Leaf]) -> Iterator[x509.Certificate]:
        """Issue certificates in the order asked for; those that come out are in the books already."""
        rest = iter(wanted)
        while batch := list(islice(rest, books.BATCH)):
            self.require_running()
            issued = [self._sign(leaf) for leaf in batch]
            with self.store.writing() as db:
                books.enter(db, issued)
            yield from (certificate for certificate, _ in issued)

    def _sign(self, leaf: Leaf) -> tuple[x509.Certificate, int]:
        serial_number = int.from_bytes(secrets.token_bytes(SERIAL_OCTETS), "big") | 1
        shard = serial_number // 2 % self.profile.shards
        return leaves.sign(leaf, self._signer, serial_number=serial_number, crl_url=self.crl_url(shard)), shard

    def revoke(self, requests: Sequence[Request], *, now: datetime) -> list[Record]:
        """Record revocations, all of the batch or none, and say of each request what became of it, in order."""
        self.require_running()
        with self.store.writing() as db:
            return list(books.revoke(db, requests, now=now))

    def lookup(self, serial_numbers: Iterable[str]) -> dict[str, Record]:
        """What the books say of these certificates, by serial number; those never issued are missing."""
        self.require_running()
        with self.store.reading() as db:
            return books.lookup(db, serial_numbers)

    # Publishing

    def publish_crls(self, *, now: datetime) -> list[Published]:
        """Publish the CRL of every shard with changes, however young, and of those an hour old; those that went out."""
        self.require_running()
        shown = [(shard, self._shown(shard)) for shard in range(self.profile.shards)]
        fresh = [(seen, self._renewed(shard, interval=timedelta(0), now=now)) for shard, seen in shown]
        return [published for seen, published in fresh if seen is None or published.number != seen.number]

    def crl(self, shard: int, *, now: datetime) -> Published:
        """The CRL that the world sees, renewed first if older than its interval. Raises `Refused` for no such shard."""
        self.require_running()
        if not 0 <= shard < self.profile.shards:
            raise Refused(f"The sandbox CA {self.folder.name} has no CRL shard {shard}.")
        return self._renewed(shard, interval=self.profile.crl_interval, now=now)

    def _shown(self, shard: int) -> Published | None:
        with self.store.reading() as db:
            return crls.current(db, shard)[0]

    def _renewed(self, shard: int, *, interval: timedelta, now: datetime) -> Published:
        with self.store.reading() as db:
            seen, has_changed = crls.current(db, shard)
        if seen and not crls.is_due(seen, has_changed=has_changed, interval=interval, now=now):
            return seen
        with self.store.writing() as db:
            seen, has_changed = crls.current(db, shard)  # another process may have been faster
            if seen and not crls.is_due(seen, has_changed=has_changed, interval=interval, now=now):
                return seen
            return crls.publish(db, shard, self._signer, self.crl_url(shard), now=now)

    def answer(self, request: bytes, *, now: datetime) -> bytes:
        """The OCSP answer to a request, both in DER; unreadable and foreign requests get their protocol errors."""
        self.require_running()
        parsed = responder.parse(request)
        if parsed is None:
            return responder.refusal(x509_ocsp.OCSPResponseStatus.MALFORMED_REQUEST)
        if (parsed.issuer_name_hash, parsed.issuer_key_hash) != self._names.get(parsed.hash_algorithm.name):
            return responder.refusal(x509_ocsp.OCSPResponseStatus.UNAUTHORIZED)
        serial_number = format(parsed.serial_number, "x")
        with self.store.reading() as db:
            record = books.lookup(db, [serial_number]).get(serial_number)
        return responder.answer(parsed, record, self.certificate, self._signer.key, now=now)


_CERT_ID_HASHES: dict[str, hashes.HashAlgorithm] = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256()}  # noqa: S303 - RFC 5019 2.1.1


def open_ca(root: Path, slug: str) -> SandboxCA:
    """The sandbox CA of that name. Raises `Refused` if there is none."""
    folder = _folder(root, slug)
    if not (folder / BOOKS).exists():
        raise Refused(f"There is no sandbox CA {slug!r}.")
    with Store(folder / BOOKS).reading() as db:
        settings = dict(db.execute("SELECT name, value FROM setting"))
    interval = timedelta(seconds=float(settings["crl_interval"]))
    return SandboxCA(folder, Profile(settings["common_name"], settings["base_url"], int(settings["shards"]), interval))


def create(root: Path, slug: str, profile: Profile, *, now: datetime) -> SandboxCA:
    """Make a sandbox CA with a key of its own; it appears whole or not at all. Raises `Refused` if it exists."""
    folder = _folder(root, slug)
    root.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".new-", dir=root))
    try:
        _furnish(draft, profile, now)
        draft.rename(folder)
    except OSError as error:
        raise Refused(f"The sandbox CA {slug!r} cannot be made in {root}: {error.strerror}.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return SandboxCA(folder, profile)


def _folder(root: Path, slug: str) -> Path:
    if not SLUG.fullmatch(slug):
        raise Refused(f"{slug!r} is no name for a sandbox CA: lower-case letters, digits and hyphens.")
    return root / slug


def _furnish(folder: Path, profile: Profile, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with os.fdopen(os.open(folder / KEY, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(key.private_bytes(*form))
    certificate = _certify(key, profile.common_name, now)
    (folder / CERTIFICATE).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    Store(folder / BOOKS).make(
        {
            "common_name": profile.common_name,
            "base_url": profile.base_url,
            "shards": str(profile.shards),
            "crl_interval": str(profile.crl_interval.total_seconds()),
        },
        profile.shards,
    )


def _certify(key: ec.EllipticCurvePrivateKey, common_name: str, now: datetime) -> x509.Certificate:
    name = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Sandbox"), x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    )
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - AGE, now + LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(USAGE, critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return builder.sign(key, hashes.SHA256())
