"""By which channels messages can go out of this house."""

from subscribers.models import Channel


def available(*, is_drill: bool) -> tuple[str, ...]:
    """The channels that are set up, for drills or for live campaigns; mail always is."""
    return (Channel.MAIL,)
