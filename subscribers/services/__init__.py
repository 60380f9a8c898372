"""The verbs of the register. Each writes its event in the transaction of its change."""

from subscribers.services.commitments import give_commitment
from subscribers.services.contacts import (
    MOST_CONTACTS,
    add_contact,
    ask_as_well,
    clear_bounce,
    cut_off_links,
    hand_over,
    mark_contact_back,
    mark_contact_bounced,
    mark_contact_left,
    verify_contact,
)
from subscribers.services.edits import save_edit
from subscribers.services.imports import (
    Brought,
    ImportReport,
    import_previewed,
    import_register,
    preview_import,
    record_export,
)
from subscribers.services.journal import STREAM
from subscribers.services.revoked import mark_revoked
from subscribers.services.rounds import askable, end_overdue_rounds, end_round, start_round

__all__ = [
    "MOST_CONTACTS",
    "STREAM",
    "Brought",
    "ImportReport",
    "add_contact",
    "ask_as_well",
    "askable",
    "clear_bounce",
    "cut_off_links",
    "end_overdue_rounds",
    "end_round",
    "give_commitment",
    "hand_over",
    "import_previewed",
    "import_register",
    "mark_contact_back",
    "mark_contact_bounced",
    "mark_contact_left",
    "mark_revoked",
    "preview_import",
    "record_export",
    "save_edit",
    "start_round",
    "verify_contact",
]
