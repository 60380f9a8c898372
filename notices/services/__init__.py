"""The verbs of notices."""

from notices.services.answers import deal_with
from notices.services.calls import Agreed, record_call
from notices.services.collecting import mailboxes_away, read_mailboxes
from notices.services.delivery import Report, record_delivery
from notices.services.forecast import FirstNotices, forecast
from notices.services.inbound import record_inbound
from notices.services.letters import close_rounds, remind_commitments, write_check_letters
from notices.services.news import tell_news
from notices.services.sending import (
    free_for_letters,
    free_for_notices,
    has_due_notices,
    retry_refused,
    send_letters,
    send_notices,
    withdraw_notices,
)
from notices.services.templates import restore_template, save_template, send_test
from notices.services.turns import release_turn, take_turn
from notices.services.writing import write_next, write_notices

__all__ = [
    "Agreed",
    "FirstNotices",
    "Report",
    "close_rounds",
    "deal_with",
    "forecast",
    "free_for_letters",
    "free_for_notices",
    "has_due_notices",
    "mailboxes_away",
    "read_mailboxes",
    "record_call",
    "record_delivery",
    "record_inbound",
    "release_turn",
    "remind_commitments",
    "restore_template",
    "retry_refused",
    "save_template",
    "send_letters",
    "send_notices",
    "send_test",
    "take_turn",
    "tell_news",
    "withdraw_notices",
    "write_check_letters",
    "write_next",
    "write_notices",
]
