"""The canaries: how many revocations are let through before their reason has been read back from a CRL (R34)."""

CANARIES = {1: 1, 2: 10}
"""How many revocations a canary wave holds."""
REST = 3
"""The wave without a limit."""


def is_proven(wave: int, *, published: int) -> bool:
    """Whether a wave has shown what it was for, so that the next one may open: all of it is published."""
    return wave in CANARIES and published >= CANARIES[wave]


def room(wave: int, *, released: int) -> int | None:
    """How many more a wave lets through when so many of it are under way or published; None means all."""
    return max(CANARIES[wave] - released, 0) if wave in CANARIES else None


def canaries_left(wave: int) -> int:
    """How many canary waves have to be read back before the rest may follow."""
    return max(REST - wave, 0)
