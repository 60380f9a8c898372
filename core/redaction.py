"""Keeps the tokens of links out of the log: whoever has a token can act for a subscriber."""

import logging
import re

TOKEN = re.compile(r"(/(?:respond|contact)/)[^/\s?\"']+")


class HideTokens(logging.Filter):
    """A filter for log handlers: in each message, the token of a link becomes three dots."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the message where it names a link; every record passes."""
        told = record.getMessage()
        hidden = TOKEN.sub(r"\1...", told)
        if hidden != told:
            record.msg, record.args = hidden, ()
        return True
