"""The languages that are shipped, and which of them is nearest to one that somebody has asked for."""

from django.conf import settings

CHINESE = {"zh", "cmn", "yue", "wuu", "nan", "hak", "gan", "hsn"}
"""Primary subtags whose readers are better served in written Chinese than in English."""


def shipped() -> tuple[str, ...]:
    """The tags of the shipped languages, in lower case."""
    return tuple(code.lower() for code, _ in settings.LANGUAGES)


def nearest(tag: str) -> str:
    """The shipped language for a BCP 47 tag: itself, else one with the same primary subtag, else the site's own."""
    asked = tag.strip().lower().replace("_", "-")
    if asked in shipped():
        return asked
    primary = asked.partition("-")[0]
    primary = "zh" if primary in CHINESE else primary
    return next((each for each in shipped() if each.partition("-")[0] == primary), settings.LANGUAGE_CODE)
