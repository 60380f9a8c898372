"""The five spellings of an actor: who did it, as one string."""

SYSTEM = "system"


def staff(username: str) -> str:
    """A person of the CA, signed in."""
    return f"staff:{username}"


def contact(key: object) -> str:
    """A subscriber's contact, identified by a respond-link."""
    return f"contact:{key}"


def provider(name: str) -> str:
    """A mail provider, by webhook."""
    return f"esp:{name}"


def ca(issuer: str) -> str:
    """A certificate authority's software, by its answer."""
    return f"ca:{issuer}"
