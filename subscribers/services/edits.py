"""Edits by hand."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import models, transaction

from audit import services as audit
from subscribers.models import Contact
from subscribers.services.journal import STREAM, said


def save_edit(row: models.Model, *, changed: Sequence[str], actor: str, now: datetime) -> None:
    """Write a row that a person has added, or of one that is there the columns that were changed; record both sides.

    A contact with another address starts anew: that the old one bounced, or was verified, says nothing of it, and links
    that were sent to the old one open nothing any more.
    """
    columns = list(changed)
    kind = row._meta.model_name or ""
    with transaction.atomic():
        if row._state.adding:
            if isinstance(row, Contact):
                row.added_at = now
            row.save()
            facts = {name: said(name, getattr(row, name)) for name in columns}
            audit.record(f"{kind}.added", stream=STREAM, about=row, actor=actor, now=now, facts=facts)
            return
        before: Any = type(row)._base_manager.select_for_update().get(pk=row.pk)
        columns = [name for name in columns if getattr(row, name) != getattr(before, name)]
        if isinstance(row, Contact) and "email" in columns:
            row.bounced_at, row.bounce_note, row.verified_at = None, "", None
            row.link_version = before.link_version + 1
            columns += ["bounced_at", "bounce_note", "verified_at", "link_version"]
        if not columns:
            return
        facts = {
            name: {"from": said(name, getattr(before, name)), "to": said(name, getattr(row, name))} for name in columns
        }
        row.save(update_fields=columns)
        audit.record(f"{kind}.edited", stream=STREAM, about=row, actor=actor, now=now, facts=facts)
