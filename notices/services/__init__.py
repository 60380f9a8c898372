"""The verbs of notices."""

from notices.services.calls import record_call
from notices.services.delivery import Report, record_delivery
from notices.services.sending import retry_refused, send_notices, withdraw_notices
from notices.services.writing import write_next, write_notices

__all__ = [
    "Report",
    "record_call",
    "record_delivery",
    "retry_refused",
    "send_notices",
    "withdraw_notices",
    "write_next",
    "write_notices",
]
