"""The console's pages for notices and calls."""

from notices.admin.calls import CallAdmin
from notices.admin.inbound import InboundMessageAdmin
from notices.admin.notices import NoticeAdmin
from notices.admin.routes import RouteAdmin
from notices.admin.templates import NoticeTemplateAdmin

__all__ = ["CallAdmin", "InboundMessageAdmin", "NoticeAdmin", "NoticeTemplateAdmin", "RouteAdmin"]
