"""Rounds of verification in the console: start one, end one."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin

from audit.actors import staff
from core import clock
from core.acts import Act, ReadOnly, perform
from subscribers.models import CheckRound, SubscriberClass
from subscribers.services import askable, end_round, start_round
from subscribers.services.rounds import MOST_DAYS, WHOM

MAY_ASK = "subscribers.add_checkround"


class RoundForm(forms.Form):
    """Whom to ask, and over how many days the letters go out."""

    title = forms.CharField(max_length=200, help_text="Such as: Verification 2024.")
    whom = forms.ChoiceField(label="Ask the contacts", choices=list(WHOM.items()))
    subscriber_class = forms.ChoiceField(
        label="of the class", choices=[("", "every class"), *SubscriberClass.choices], required=False
    )
    days = forms.IntegerField(
        label="Spread the letters over so many days", min_value=1, max_value=MOST_DAYS, initial=5,
        help_text="Letters always wait while a notice of a campaign is due.",
    )  # fmt: skip


def _explain(_subject: None, now: datetime) -> dict[str, Any]:
    counts = [(label, askable(whom=key, now=now).count()) for key, label in WHOM.items()]
    return {"counts": counts}


START = Act[None](
    name="start_round",
    title="Ask contacts whether they are still the right ones",
    button="Start this round",
    permissions=(MAY_ASK,),
    form=RoundForm,
    lead="Each gets a letter with a link of their own, a reminder after two weeks and another after four. Whoever has"
    " not answered two weeks later counts as unanswered, and shows as stale once a year has passed.",
    explain=_explain,
    do=lambda _subject, said, user, now: (
        f"The round {start_round(**said, actor=staff(user.username), now=now)} has begun."
    ),
    template="console/round.html",
)
END = Act[CheckRound](
    name="end_round",
    title="End this round",
    button="End it",
    permissions=(MAY_ASK,),
    lead="Nobody is asked or reminded any more. Answers that are still to come are taken all the same.",
    do=lambda subject, _said, user, now: (
        "The round has ended."
        if end_round(subject, actor=staff(user.username), now=now)
        else "The round had ended before."
    ),
)


@admin.register(CheckRound)
class CheckRoundAdmin(ReadOnly, ModelAdmin):
    list_display = ("title", "started_by", "started_at", "answer_by", "ended_at")

    def get_urls(self) -> list[URLPattern]:
        """The usual ones, and one for each act."""
        view = self.admin_site.admin_view
        return [
            path("start/", view(self._start), name="subscribers_checkround_start"),
            path("<int:pk>/end/", view(self._end), name="subscribers_checkround_end"),
            *super().get_urls(),
        ]

    def _start(self, request: HttpRequest) -> HttpResponse:
        initial = {"title": f"Verification {clock.now():%Y}", "whom": "stale", "days": 5}
        return perform(request, START, None, back=reverse("reports:census"), initial=initial)

    def _end(self, request: HttpRequest, pk: int) -> HttpResponse:
        return perform(request, END, get_object_or_404(CheckRound, pk=pk), back=reverse("reports:census"))
