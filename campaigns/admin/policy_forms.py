"""The form of an escalation policy: its name and window, and a row for each step.

Rows are put in the order of their times, so that a step can be added in any empty row.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from campaigns.models import Audience, EscalationPolicy
from campaigns.plan import CHANNELS, MOST_STEPS, TEMPLATES, StepPlan, ladder_problems
from campaigns.services.policies import LONGEST_WINDOW, plans_of

AFTER, SHARE, BEFORE = "after", "share", "before"
WHEN = ((AFTER, "h after the launch"), (SHARE, "% of the window"), (BEFORE, "h before the deadline"))
EMPTY_ROWS = 3
HOUR = timedelta(hours=1)


def _hours(label: str, **options: Any) -> forms.DecimalField:
    widget = UnfoldAdminDecimalFieldWidget(attrs={"step": "any", "min": "0"})
    return forms.DecimalField(label=label, min_value=Decimal(0), max_digits=12, widget=widget, **options)


class StepForm(forms.Form):
    """One step; a row that is left as it was given, empty, is no step."""

    value = _hours("At")
    when = forms.ChoiceField(choices=WHEN, initial=AFTER, widget=UnfoldAdminSelectWidget)
    audience = forms.ChoiceField(
        label="To", choices=Audience.choices, initial=Audience.ALL, widget=UnfoldAdminSelectWidget
    )
    channels = forms.CharField(
        label="Channels, in order", initial="mail", max_length=100, widget=UnfoldAdminTextInputWidget
    )
    on_every_channel = forms.BooleanField(label="All at once", required=False, widget=UnfoldBooleanWidget)
    template = forms.ChoiceField(
        label="Words",
        choices=[(each, each.replace("_", " ")) for each in TEMPLATES],
        initial=TEMPLATES[0],
        widget=UnfoldAdminSelectWidget,
    )
    lapses = _hours("Lapses after, h", required=False)
    remove = forms.BooleanField(label="Remove", required=False, widget=UnfoldBooleanWidget)

    def clean_channels(self) -> tuple[str, ...]:
        """Names of channels, as they were written: apart by commas or blanks."""
        found = tuple(self.cleaned_data["channels"].lower().replace(",", " ").split())
        if unknown := [each for each in found if each not in CHANNELS]:
            raise forms.ValidationError(f"There is no channel {unknown[0]!r}; there are {', '.join(CHANNELS)}.")
        return found

    def plan(self, window: timedelta) -> StepPlan:
        """What a sound row says, for a window."""
        said, value = self.cleaned_data, float(self.cleaned_data["value"])
        lapses: Decimal | None = said["lapses"]
        share = {AFTER: value * HOUR / window, SHARE: value / 100}.get(said["when"])
        return StepPlan(
            share=share,
            audience=said["audience"],
            template=said["template"],
            before_deadline=value * HOUR if share is None else None,
            channels=said["channels"],
            on_every_channel=said["on_every_channel"],
            lapses_after=None if lapses is None else float(lapses) * HOUR,
        )


STEPS = forms.formset_factory(
    StepForm, extra=EMPTY_ROWS, max_num=MOST_STEPS, validate_max=True, absolute_max=2 * MOST_STEPS
)


class PolicyForm(forms.Form):
    """A policy with its steps: `cleaned_data["steps"]` are plans in the order of their times."""

    name = forms.CharField(max_length=100, widget=UnfoldAdminTextInputWidget)
    description = forms.CharField(
        max_length=500, required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}), label="What it is for"
    )
    window_hours = _hours(
        "Window in hours",
        help_text="From the launch to the deadline when no time is lost: 24, or 120 for five days. "
        "With less time left shares shrink with it, and hours before the deadline stay.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        given = None if self.is_bound else self.initial.get("steps")
        self.steps = STEPS(self.data if self.is_bound else None, prefix="steps", initial=given)

    def is_valid(self) -> bool:
        """Whether the policy and all of its steps are sound."""
        return super().is_valid() and not any(self.steps.errors) and not self.steps.non_form_errors()

    def clean(self) -> dict[str, Any]:
        """Put the steps in order and say at each row what is wrong with it."""
        said: dict[str, Any] = self.cleaned_data
        hours = said.get("window_hours")
        if hours is not None and not 0 < hours <= LONGEST_WINDOW // HOUR:
            self.add_error("window_hours", f"More than nothing, and at most {LONGEST_WINDOW.days} days.")
        elif hours is not None and self.steps.is_valid():
            said["window"] = float(hours) * HOUR
            said["steps"] = self._ordered(said["window"])
        for error in self.steps.non_form_errors():
            self.add_error(None, str(error))
        return said

    def _rows(self) -> list[StepForm]:
        """The rows that are steps: not left empty, and not marked for removal."""
        given = self.steps.initial_form_count()
        rows = [row for place, row in enumerate(self.steps.forms) if place < given or row.has_changed()]
        return [row for row in rows if not row.cleaned_data.get("remove")]

    def _ordered(self, window: timedelta) -> list[StepPlan]:
        rows = sorted(((row.plan(window), row) for row in self._rows()), key=lambda each: _time(each[0], window))
        plans = [plan for plan, _ in rows]
        for problem in ladder_problems(plans, window=window):
            if problem.step is None:
                self.add_error(None, problem.text)
            else:
                rows[problem.step][1].add_error(None, problem.text[:1].upper() + problem.text[1:])
        return plans


def said_by(policy: EscalationPolicy) -> dict[str, Any]:
    """What the form begins with for a policy."""
    return {
        "name": policy.name,
        "description": policy.description,
        "window_hours": _plain(policy.window / HOUR),
        "steps": [_row(each, policy.window) for each in plans_of(policy.steps.order_by("order"))],
    }


def _row(step: StepPlan, window: timedelta) -> dict[str, Any]:
    if step.before_deadline is not None:
        when, value = BEFORE, step.before_deadline / HOUR
    else:
        share = step.share or 0.0
        hours = share * window / HOUR
        is_round = abs(hours - round(hours, 2)) < 1e-6  # noqa: PLR2004 - what hours lose by being a share
        when, value = (AFTER, hours) if is_round else (SHARE, share * 100)
    return {
        "value": _plain(value),
        "when": when,
        "audience": step.audience,
        "channels": ", ".join(step.channels),
        "on_every_channel": step.on_every_channel,
        "template": step.template,
        "lapses": None if step.lapses_after is None else _plain(step.lapses_after / HOUR),
    }


def _time(step: StepPlan, window: timedelta) -> timedelta:
    if step.before_deadline is not None:
        return window - step.before_deadline
    return window * (step.share or 0.0)


def _plain(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")
