"""How large a run is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """How many certificates of how many subscribers, and how often each act is measured."""

    certificates: int
    subscribers: int
    rounds: int


SCALES = {
    "small": Scale(2_098, 380, rounds=3),
    "digicert": Scale(83_267, 6_807, rounds=1),
}
"""The sizes of two real incidents: that of 2024 which the rehearsal plays, and DigiCert's of the same year."""
CRL_ENTRIES = 100_000
