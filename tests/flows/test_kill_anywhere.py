"""SIGKILL at every passage of the work: nothing is lost, a mail goes twice at worst once per kill, no harm twice."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.flows.house import House, house

LEASE = timedelta(seconds=25)
KILLED = -9
QUARTER = timedelta(minutes=15)
ROUNDS = 40
SENDING = [
    ("core.due:claim", "before", 1),
    ("core.due:claim", "after", 1),
    ("notices.services.writing:write_notices", "before", 1),
    ("notices.services.writing:write_notices", "after", 1),
    ("core.due:settle", "after", 1),
    ("notices.mailer:send", "before", 3),
    ("notices.mailer:send", "after", 7),
    ("notices.services.sending:_settle", "before", 1),
    ("audit.moves:move", "before", 1),
    ("audit.moves:move", "after", 1),
]
WITH_MAIL_OUT = ("notices.mailer", "notices.services.sending", "audit.moves")
REVOKING = [
    ("core.due:claim", "after", 1),
    ("revocation.backends.sandbox:SandboxBackend.revoke", "before", 1),
    ("revocation.backends.sandbox:SandboxBackend.revoke", "after", 1),
    ("audit.moves:move", "before", 1),
    ("audit.moves:move", "after", 1),
    ("core.http:fetch", "before", 1),
    ("core.http:fetch", "after", 1),
    ("core.due:settle", "after", 1),
]


@pytest.fixture
def built(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path, certificates=40, subscribers=9) as found:
        yield found


def killed_run(built: House, command: str, point: str, edge: str, number: int) -> bool:
    """Run a command until it dies there; whether it did, since not every round passes every point."""
    done = built.run("-m", "tests.flows.killed", point, edge, str(number), command, "--commit", check=False)
    assert done.returncode in {0, KILLED}, done.stderr
    return done.returncode == KILLED


def test_killed_while_notices_are_written_and_sent_nothing_is_lost(built):
    survived = []
    for point in SENDING:
        if not killed_run(built, "send_due", *point):
            survived.append(point)
        built.move(LEASE)
    assert survived == []
    built.manage("send_due", "--commit")

    told = built.ask("notices")
    assert set(told["by_state"]) <= {"sent", "delivered", "bounced", "refused"}
    assert told["by_state"].get("queued", 0) == 0
    mails = [mail.message_id for mail in built.mails.since(0)]
    received = Counter(key for key in mails if key not in told["letter_ids"])
    sent = told["by_state"].get("sent", 0) + told["by_state"].get("delivered", 0) + told["by_state"].get("bounced", 0)
    assert len(received) == sent
    assert set(received) <= set(told["message_ids"])
    kills_with_mail_out = sum(point.startswith(WITH_MAIL_OUT) for point, _, _ in SENDING)
    assert 1 < max(received.values()) <= 1 + kills_with_mail_out


def test_killed_while_revoking_everything_is_published_once_and_in_time(built):
    points = list(REVOKING)
    built.move(timedelta(days=4, hours=16, minutes=20))
    for _ in range(ROUNDS):
        if points and killed_run(built, "revoke_due", *points[0]):
            points.pop(0)
            built.move(LEASE)
            continue
        built.manage("revoke_due", "--commit")
        built.move(QUARTER)
        if not points and built.ask("campaign")["state"] == "completed":
            break

    where, told = built.ask("campaign"), built.ask("revocations")
    assert where["state"] == "completed"
    assert (where["revoked"] + where["expired"], where["remaining"]) == (40, 0)
    assert not where["halted"]
    assert told["published_events"] == told["published_objects"] == told["revoked_by_ca"] == where["revoked"]
    assert told["late"] == 0
    assert told["dates_agree"]
    assert points == []
