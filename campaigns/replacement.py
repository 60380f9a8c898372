"""Is this certificate an acceptable replacement of that one?"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

KEY_COMPROMISE = "keyCompromise"
SHOWN = 3
"""How many missing names are told: enough to recognise a certificate."""


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
        found.append(_("It is a CA certificate."))
    if candidate.is_precertificate:
        found.append(_("It is a precertificate, not a certificate."))
    if candidate.is_revoked:
        found.append(_("It is revoked."))
    if candidate.is_in_scope:
        found.append(_("It is itself to be revoked."))
    if candidate.not_after < now:
        found.append(_("It expired on %(day)s.") % {"day": _day(candidate.not_after)})
    if candidate.not_before > now:
        found.append(_("It is not valid before %(day)s.") % {"day": _day(candidate.not_before)})
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
    parent = name.partition(".")[2]
    is_address = ":" in name or name.replace(".", "").isdigit()
    return f"*.{parent}" if "." in parent and not is_address else ""


def _age_problems(affected: Affected, candidate: Candidate, fixed_at: datetime | None) -> list[str]:
    same = affected.fingerprint_sha256 and affected.fingerprint_sha256 == candidate.fingerprint_sha256
    if same or (affected.issuer_key, affected.serial_number) == (candidate.issuer_key, candidate.serial_number):
        return [_("It is the same certificate.")]
    since = fixed_at or affected.not_before
    if candidate.not_before > since:
        return []
    told = (
        _("It was issued on %(day)s, not after the fault was mended (%(since)s).")
        if fixed_at
        else _("It was issued on %(day)s, not after the certificate that it is to replace (%(since)s).")
    )
    return [told % {"day": _day(candidate.not_before), "since": _day(since)}]


def _key_problems(affected: Affected, candidate: Candidate) -> list[str]:
    if candidate.has_affected_key or affected.spki_sha256 == candidate.spki_sha256:
        return [_("It has the compromised key; a new key is needed.")]
    if not affected.spki_sha256 or not candidate.spki_sha256:
        return [_("Whether its key is new cannot be told, because one of the two keys is not known.")]
    return []


def _name_problems(affected: Affected, candidate: Candidate) -> list[str]:
    if not affected.names:
        return [_("The certificate to be replaced has no names to compare.")]
    have = {plain(each) for each in candidate.names}
    missing = [name for name in affected.names if not covers(have, name)]
    if not missing:
        return []
    shown, more = ", ".join(missing[:SHOWN]), len(missing) - SHOWN
    if more > 0:
        return [_("It does not cover %(names)s and %(count)d more.") % {"names": shown, "count": more}]
    return [_("It does not cover %(names)s.") % {"names": shown}]


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
