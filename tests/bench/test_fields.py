"""The limit that the register's parser is held to reads the same fields."""

from pathlib import Path

from cryptography import x509

from bench import fields
from subscribers.certificates import parse_der
from tests import pki


def test_the_limit_reads_what_the_register_reads(tmp_path: Path):
    leaves = [pki.leaf(names=(f"host{number}.subscriber.example", "b.example")) for number in range(3)]
    path = tmp_path / "leaves.pem"
    path.write_bytes(b"".join(b"Subscriber: S1\n" + pki.pem(leaf) for leaf in leaves))
    blocks = list(fields.blocks(path))
    assert blocks == [pki.der_of(leaf) for leaf in leaves]
    for der in blocks:
        ours = parse_der(der)
        serial, fingerprint, _, spki, subject, names, *validity, policy, crl_url, ocsp_url = fields.read(
            x509.load_der_x509_certificate(der)
        )
        assert (serial, fingerprint, spki, subject) == (
            ours.serial_number, ours.fingerprint_sha256, ours.spki_sha256, ours.subject,
        )  # fmt: skip
        assert (tuple(names), *validity) == (ours.names, ours.not_before, ours.not_after)
        assert (policy, crl_url, ocsp_url) == ("", ours.crl_url, ours.ocsp_url)
