"""Whether a provider's report blames the address: pure reading."""

from typing import Any

import pytest

from notices.reported import blames_address

GONE = "smtp; 550 5.1.1 user unknown"


@pytest.mark.parametrize(
    ("esp", "payload", "reason", "answer", "wanted"),
    [
        ("Mandrill", {"event": "hard_bounce"}, "", GONE, True),
        ("Mandrill", {"event": "hard_bounce"}, "", "", True),
        ("Mandrill", {"event": "hard_bounce"}, "", "550 5.7.1 our reputation", False),
        ("Mandrill", {"event": "hard_bounce"}, "", "550 5.2.2 mailbox full", False),
        ("Mandrill", {"event": "hard_bounce"}, "", "451 try again", False),
        ("Mandrill", {"event": "hard_bounce"}, "", "554 no such person", True),
        ("Mandrill", {"event": "soft_bounce"}, "", GONE, False),
        ("Mailgun", {"event-data": {"reason": "suppress-bounce"}}, "bounced", "Not delivering", True),
        ("Mailgun", {"event-data": {"reason": "suppress-complaint"}}, "other", "Not delivering", False),
        ("Mailgun", {"event-data": {"reason": "generic"}}, "other", "", False),
        ("Mailgun", {"event-data": {"reason": "generic"}}, "other", GONE, True),
        ("Mailjet", {"event": "bounce", "hard_bounce": True}, "bounced", "", True),
        ("Mailjet", {"event": "blocked", "hard_bounce": True}, "blocked", "", False),
        ("SparkPost", [{"msys": {}}], "bounced", GONE, True),
        ("SparkPost", {"msys": {"message_event": {"bounce_class": "22"}}}, "bounced", GONE, False),
        ("Amazon SES", {"bounce": {"bounceType": "Undetermined"}}, "bounced", GONE, False),
        ("Amazon SES", {"bounce": "odd"}, "bounced", "", True),
        ("A new one", None, "bounced", "", True),
        ("A new one", {}, "unsubscribed", GONE, False),
        ("A new one", {}, "", "", False),
    ],
)
def test_a_contact_is_blamed_only_for_what_is_for_good(esp: str, payload: Any, reason: str, answer: str, wanted: bool):
    assert blames_address(esp, "bounced", reason, payload, answer) is wanted


def test_a_delay_or_a_delivery_blames_nobody():
    assert not any(
        blames_address("Mandrill", kind, "bounced", {"event": "hard_bounce"}, GONE)
        for kind in ("deferred", "delivered")
    )
