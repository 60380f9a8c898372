"""The walk over a CRL's entries agrees with the parser of `cryptography`, and so does our own encoding."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from core import der
from core.crl_reason import CRLReason, from_flag
from revocation import crl
from revocation.sandbox import crls
from revocation.sandbox.leaves import Signer, access
from tests import pki
from tests.conftest import NOW

serials = st.integers(min_value=1, max_value=pki.TWENTY_OCTETS)
moments = st.datetimes(datetime(1950, 1, 1), datetime(2120, 1, 1)).map(lambda at: at.replace(microsecond=0, tzinfo=UTC))  # noqa: DTZ001
reasons = st.sampled_from([None, *(flag for flag in x509.ReasonFlags if flag is not x509.ReasonFlags.unspecified)])
entries = st.lists(st.tuples(serials, moments, reasons), max_size=30, unique_by=lambda entry: entry[0])


def parsed_by_cryptography(data: bytes) -> dict[str, tuple[datetime, str]]:
    found = {}
    for one in x509.load_der_x509_crl(data):
        try:
            reason = one.extensions.get_extension_for_class(x509.CRLReason).value.reason
        except x509.ExtensionNotFound:
            reason = None
        found[format(one.serial_number, "x")] = (one.revocation_date_utc, from_flag(reason))
    return found


def signer() -> Signer:
    ca = pki.authority()
    return Signer(ca.key, ca.certificate.subject, ca.key_identifier, access(pki.RESPONDER))


@settings(max_examples=60, deadline=None)
@given(entries)
def test_the_walk_finds_what_cryptography_finds(listed: list[pki.Entry]):
    data = pki.crl(listed)
    found = crl.read(data, issuer=pki.authority().certificate, now=NOW)
    assert dict(found.entries) == parsed_by_cryptography(data)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(serials, moments, st.sampled_from(CRLReason.values)), max_size=30, unique_by=lambda row: row[0])
)
def test_cryptography_reads_what_the_sandbox_encodes(listed: list[tuple[int, datetime, str]]):
    rows = [(der.integer_content(serial), int(at.timestamp()), reason) for serial, at, reason in listed]
    data = crls.encode(rows, signer(), pki.SHARD, number=3, now=NOW)
    assert parsed_by_cryptography(data) == {format(serial, "x"): (at, reason) for serial, at, reason in listed}
    assert x509.load_der_x509_crl(data).is_signature_valid(pki.key().public_key())


def test_the_encoding_is_byte_for_byte_that_of_cryptography():
    listed = [(5, NOW, x509.ReasonFlags.superseded), (pki.HIGH_BIT, NOW - timedelta(days=1), None)]
    rows = [(der.integer_content(serial), int(at.timestamp()), from_flag(reason)) for serial, at, reason in listed]
    ours = x509.load_der_x509_crl(crls.encode(rows, signer(), pki.SHARD, number=9, now=NOW))
    theirs = x509.load_der_x509_crl(
        pki.crl(listed, number=9, this_update=NOW, next_update=NOW + timedelta(days=7), scope=pki.shard_scope())
    )
    assert ours.tbs_certlist_bytes == theirs.tbs_certlist_bytes


def test_a_hundred_thousand_entries_of_all_lengths_come_back():
    rows = [(der.integer_content(3**i), 1_700_000_000 + i, "superseded") for i in range(100)]
    rows += [(der.integer_content(2**100 + i), 1_700_000_000, "keyCompromise") for i in range(100_000)]
    data = crls.encode(rows, signer(), pki.SHARD, number=1, now=NOW)
    found = crl.read(data, issuer=pki.authority().certificate, now=NOW, url=pki.SHARD).entries
    assert len(found) == 100_100
    assert found[format(2**100 + 99_999, "x")].reason == "keyCompromise"
    assert found[format(3**99, "x")].revocation_date.timestamp() == 1_700_000_099
