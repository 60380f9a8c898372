"""The verbs of revocation: schedule, submit, verify, close; and what an operator sees and may do."""

from revocation.services.closing import close_finished_campaigns, is_finished
from revocation.services.forecasting import Alarm, Forecast, alarms, forecast, last_safe_start
from revocation.services.overrides import retry_rejected, revoke_early
from revocation.services.scheduling import plan_campaign, schedule_revocations
from revocation.services.submitting import submit
from revocation.services.verifying import LIMIT as LOOK_LIMIT
from revocation.services.verifying import verify_published

__all__ = [
    "LOOK_LIMIT",
    "Alarm",
    "Forecast",
    "alarms",
    "close_finished_campaigns",
    "forecast",
    "is_finished",
    "last_safe_start",
    "plan_campaign",
    "retry_rejected",
    "revoke_early",
    "schedule_revocations",
    "submit",
    "verify_published",
]
