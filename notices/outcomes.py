"""What can become of a message at the door."""

from dataclasses import dataclass
from datetime import datetime

from core.errors import Refused, Unavailable


class AddressRefused(Refused):
    """The recipient's address takes no messages of this channel, and will not later."""


class Suppressed(AddressRefused):
    """One provider does not send to this address, after a bounce or a complaint that it remembers; another may."""


class Down(Unavailable):
    """The way itself is in trouble, for every message: away, overloaded, or it no longer lets us in.

    `is_final`: it need not be tried again in this batch.
    """

    def __init__(self, text: str, *, is_final: bool = False) -> None:
        super().__init__(text)
        self.is_final = is_final


class Unclear(Unavailable):
    """The line broke before an answer came: the message may have been taken, so no other way is asked at once."""


class Later(Unavailable):
    """All ceilings are used up; nothing was tried."""

    def __init__(self, at: datetime) -> None:
        super().__init__("The ceilings of all providers are used up.")
        self.at = at


@dataclass(frozen=True, slots=True)
class Sent:
    """It was taken. `provider_id` is the provider's own identifier, empty for plain SMTP; `route` says who took it."""

    provider_id: str = ""
    route: str = ""


Outcome = Sent | Refused | Unavailable
