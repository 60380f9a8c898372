"""Is this certificate an acceptable replacement of that one?"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

KEY_COMPROMISE = "keyCompromise"


@dataclass(frozen=True, slots=True)
class Affected:
    """What has to be known of the certificate that is to be replaced."""

    names: tuple[str, ...]
    not_before: datetime
    fingerprint_sha256: str = ""
    spki_sha256: str = ""
    issuer_key: str = ""
    serial_number: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What has to be known of the certificate that may replace it."""

    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    fingerprint_sha256: str
    spki_sha256: str
    issuer_key: str
    serial_number: str
    is_revoked: bool = False
    is_ca: bool = False
    is_precertificate: bool = False
    is_in_scope: bool = False
    """Whether it is itself to be revoked by a campaign that has not ended (R19)."""
    has_affected_key: bool = False
    """Whether its key is that of a certificate in the campaign's scope."""


def problems(
    affected: Affected, candidate: Candidate, *, fixed_at: datetime | None, crl_reason: str, now: datetime
) -> list[str]:
    """Why the candidate cannot replace the affected certificate, in sentences; empty if it can."""
    return [
        *own_problems(candidate, now=now),
        *_age_problems(affected, candidate, fixed_at),
        *(_key_problems(affected, candidate) if crl_reason == KEY_COMPROMISE else ()),
        *_name_problems(affected, candidate),
    ]


def own_problems(candidate: Candidate, *, now: datetime) -> list[str]:
    """What is wrong with a candidate whatever it is to replace."""
    found = []
    if candidate.is_ca:
        found.append("It is a CA certificate.")
    if candidate.is_precertificate:
        found.append("It is a precertificate, not a certificate.")
    if candidate.is_revoked:
        found.append("It is revoked.")
    if candidate.is_in_scope:
        found.append("It is itself to be revoked.")
    if candidate.not_after < now:
        found.append(f"It expired on {_day(candidate.not_after)}.")
    if candidate.not_before > now:
        found.append(f"It is not valid before {_day(candidate.not_before)}.")
    return found


def covers(names: Iterable[str], name: str) -> bool:
    """Whether one of the names is this name, or a wildcard that stands for its first label (RFC 6125 6.4.3)."""
    wanted = plain(name)
    have = {plain(each) for each in names}
    return wanted in have or (not wanted.startswith("*.") and wildcard_of(wanted) in have)


def plain(name: str) -> str:
    """A name in the form in which names are compared: lower-case, without the dot of the root."""
    return name.lower().rstrip(".")


def wildcard_of(name: str) -> str:
    """The wildcard that covers a plain name; empty where none may: single labels, names below them, IP addresses."""
    _, _, parent = name.partition(".")
    is_address = ":" in name or name.replace(".", "").isdigit()
    return f"*.{parent}" if "." in parent and not is_address else ""


def _age_problems(affected: Affected, candidate: Candidate, fixed_at: datetime | None) -> list[str]:
    same = affected.fingerprint_sha256 and affected.fingerprint_sha256 == candidate.fingerprint_sha256
    if same or (affected.issuer_key, affected.serial_number) == (candidate.issuer_key, candidate.serial_number):
        return ["It is the same certificate."]
    since = fixed_at or affected.not_before
    if candidate.not_before > since:
        return []
    what = "the fault was mended" if fixed_at else "the certificate that it is to replace"
    return [f"It was issued on {_day(candidate.not_before)}, not after {what} ({_day(since)})."]


def _key_problems(affected: Affected, candidate: Candidate) -> list[str]:
    if candidate.has_affected_key or affected.spki_sha256 == candidate.spki_sha256:
        return ["It has the compromised key; a new key is needed."]
    if not affected.spki_sha256 or not candidate.spki_sha256:
        return ["Whether its key is new cannot be told, because one of the two keys is not known."]
    return []


def _name_problems(affected: Affected, candidate: Candidate) -> list[str]:
    if not affected.names:
        return ["The certificate to be replaced has no names to compare."]
    have = {plain(each) for each in candidate.names}
    missing = [name for name in affected.names if not covers(have, name)]
    if not missing:
        return []
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""  # noqa: PLR2004 - enough to recognise it
    return [f"It does not cover {', '.join(missing[:3])}{more}."]


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
