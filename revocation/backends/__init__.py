"""The dialects in which CAs are asked to revoke, by name."""

from collections.abc import Mapping
from typing import Any

from core.errors import Refused
from revocation.backends.base import Backend
from revocation.backends.sandbox import SandboxBackend

BACKENDS: dict[str, type[Backend]] = {backend.name: backend for backend in (SandboxBackend,)}


def backend_for(name: str, options: Mapping[str, Any]) -> Backend:
    """The backend of an issuer. Raises `Refused` for a name that is not known, or options that it cannot use."""
    if name not in BACKENDS:
        raise Refused(f"There is no CA backend {name!r}; there are {', '.join(sorted(BACKENDS))}.")
    return BACKENDS[name].from_options(options)
