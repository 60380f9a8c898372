"""The subscriber's pages. GET shows, POST acts; nothing submits itself, and looking changes nothing."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.db.models import Min, QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from campaigns import listing, moments, rules, services
from campaigns.calendar_file import calendar
from campaigns.forms import ChoiceForm, ContactForm, ReplaceForm, RequestForm
from campaigns.models import AffectedCertificate, Campaign
from campaigns.visits import Visit, by_link, house, no_page
from core.errors import Refused
from core.languages import in_this_language

PAGE = 250
"""Certificates on one page, so that a phone and the limit on fields of a form (1,000) can take it."""
LONGEST_KEY = 18
SOON = timedelta(hours=24)


@require_safe
@by_link
def show(visit: Visit) -> HttpResponse:
    """The page: what happens, why, until when, what to do, and the list."""
    return render(visit.request, "campaigns/respond/page.html", _page(visit))


@require_http_methods(["GET", "HEAD", "POST"])
@by_link
def acknowledge(visit: Visit) -> HttpResponse:
    """Record that the notice has been read."""
    if visit.request.method == "POST":
        _act(
            visit,
            lambda: services.acknowledge(visit.affected, contact=visit.contact, **visit.acts),
            lambda _done: _("Thank you. We have recorded that you have read this. The deadline stands."),
        )
    return visit.back()


@require_http_methods(["GET", "HEAD", "POST"])
@by_link
def confirm(visit: Visit) -> HttpResponse:
    """Take the subscriber's word that some certificates are replaced."""
    if visit.request.method == "POST":
        form = _choice(visit, visit.certificates().outstanding(visit.now))
        if form.is_valid():
            keys = list(form.chosen.values_list("pk", flat=True))
            _act(
                visit,
                lambda: services.confirm_replacement(
                    visit.affected, certificates=keys, contact=visit.contact, **visit.acts
                ),
                lambda _done: _confirmed(len(keys)),
            )
        else:
            messages.error(visit.request, form.first_error)
    return visit.back()


@require_http_methods(["GET", "HEAD", "POST"])
@by_link
def request_revocation(visit: Visit) -> HttpResponse:
    """Ask for earlier revocation: first which certificates, then, on a page that says what it means, when and why."""
    if visit.request.method != "POST":
        return visit.back()
    choice = _choice(visit, visit.certificates().remaining(visit.now))
    if not choice.is_valid():
        messages.error(visit.request, choice.first_error)
        return visit.back()
    deadline = choice.chosen.aggregate(first=Min("publish_by"))["first"]
    asked = "when" in visit.request.POST
    form = RequestForm(visit.request.POST if asked else None, now=visit.now, deadline=deadline, zone=visit.zone)
    if asked and form.is_valid() and _request(visit, choice, form):
        return visit.back()
    context = {
        **_frame(visit), "form": form, "choice": choice, "count": choice.chosen.count(),
        "lines": _lines(visit, choice.chosen, 20), "deadline": deadline and moments.spoken(deadline, visit.zone_name),
        "reason": visit.campaign.get_crl_reason_display(),
    }  # fmt: skip
    return render(visit.request, "campaigns/respond/request.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@by_link
def replace(visit: Visit) -> HttpResponse:
    """Take new certificates, and say for each what it replaces or why not.

    The answer to a POST is the result itself: it is too long for a message, and taking the same file again is harmless.
    """
    form = ReplaceForm(visit.request.POST, visit.request.FILES) if visit.request.method == "POST" else ReplaceForm()
    context = {**_frame(visit), "form": form}
    if form.is_bound and form.is_valid():
        pem = form.cleaned_data["certificates"]
        try:
            verdicts = services.add_replacement(visit.affected, pem=pem, **visit.acts)
            context["verdicts"], context["replaced"] = verdicts, sum(len(each.replaces) for each in verdicts)
            context["totals"] = listing.totals(visit.affected, now=visit.now)
            return render(visit.request, "campaigns/respond/verdicts.html", context)
        except Refused as refusal:
            form.add_error(None, str(refusal))
    return render(visit.request, "campaigns/respond/replace.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@by_link
def name_contact(visit: Visit) -> HttpResponse:
    """Let a colleague be told as well."""
    form = ContactForm(visit.request.POST if visit.request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            services.name_contact(visit.affected, **form.cleaned_data, **visit.acts)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            told = _("%(email)s will be told as well, from now on.") % {"email": form.cleaned_data["email"]}
            messages.success(visit.request, told)
            return visit.back()
    context = {**_frame(visit), "form": form}
    return render(visit.request, "campaigns/respond/contact.html", context, status=400 if form.errors else 200)


@require_safe
@by_link
def list_csv(visit: Visit) -> StreamingHttpResponse:
    """The list as a file."""
    rows = listing.rows(visit.affected, now=visit.now).iterator(chunk_size=1000)
    response = StreamingHttpResponse(listing.csv_lines(rows, now=visit.now), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="certificates.csv"'
    return response


@require_safe
@by_link
def deadline_ics(visit: Visit) -> HttpResponse:
    """The deadline as a calendar file. The link is not in it: calendars are shared."""
    totals = listing.totals(visit.affected, now=visit.now)
    if not totals.deadline:
        return no_page(visit.request, is_withdrawn=False)
    count = totals.remaining
    summary = ngettext(
        "%(count)d certificate of %(name)s will be revoked", "%(count)d certificates of %(name)s will be revoked", count
    ) % {"count": count, "name": visit.affected.subscriber.name}
    if visit.campaign.is_drill:
        summary = f"[{_('EXERCISE')}] {summary}"
    told = _("By this time %(ca)s revokes them. Replace them before. The link is in the message that you were sent.")
    data = calendar(
        uid=f"{visit.affected.public_id}@{visit.request.get_host().partition(':')[0]}",
        at=totals.deadline, summary=summary, description=told % {"ca": in_this_language("CA_NAME")}, now=visit.now,
    )  # fmt: skip
    response = HttpResponse(data, content_type="text/calendar; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="deadline.ics"'
    return response


def _act(visit: Visit, act: Callable[[], Any], told: Callable[[Any], str]) -> None:
    try:
        done = act()
    except Refused as refusal:
        messages.error(visit.request, str(refusal))
    else:
        messages.success(visit.request, told(done))


def _request(visit: Visit, choice: ChoiceForm, form: RequestForm) -> bool:
    """Ask for revocation; whether it was taken."""
    at = form.cleaned_data["at"]
    keys = list(choice.chosen.values_list("pk", flat=True))
    try:
        services.request_revocation(
            visit.affected,
            certificates=keys,
            at=at,
            reason=form.cleaned_data["reason"],
            contact=visit.contact,
            **visit.acts,
        )
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return False
    when = moments.spoken(at, visit.zone_name) if at else _("now")
    told = ngettext(
        "We will revoke %(count)d certificate: %(when)s.", "We will revoke %(count)d certificates: %(when)s.", len(keys)
    )
    messages.success(visit.request, told % {"count": len(keys), "when": when})
    return True


def _confirmed(count: int) -> str:
    told = ngettext(
        "Thank you. %(count)d certificate is noted as replaced. We look for the new one ourselves.",
        "Thank you. %(count)d certificates are noted as replaced. We look for the new ones ourselves.",
        count,
    )
    return told % {"count": count}


def _choice(visit: Visit, eligible: QuerySet[AffectedCertificate]) -> ChoiceForm:
    return ChoiceForm(visit.request.POST, everything=visit.certificates(), eligible=eligible)


def _frame(visit: Visit) -> dict[str, Any]:
    """What every page of a visitor shows."""
    return {
        "visit": visit,
        "urls": {name: visit.url(name) for name in (
            "page", "acknowledge", "confirm", "request", "replace", "contact", "list", "calendar",
        )},
        "affected": visit.affected,
        "campaign": visit.campaign,
        "subscriber": visit.affected.subscriber,
        **house(),
    }  # fmt: skip


def _page(visit: Visit) -> dict[str, Any]:
    totals = listing.totals(visit.affected, now=visit.now)
    deadline = totals.deadline
    pack = rules.rule_pack(visit.campaign.rule_pack)
    rule = pack.rule(visit.campaign.rule)
    return {
        **_frame(visit),
        **_list(visit),
        "totals": totals,
        "is_running": visit.campaign.state == Campaign.State.RUNNING,
        "deadline": deadline,
        "deadline_words": moments.spoken(deadline, visit.zone_name) if deadline else "",
        "from_now": moments.from_now(deadline, visit.now) if deadline else "",
        "urgency": _urgency(deadline, visit.now),
        "window": rules.window_in_words(visit.campaign.window),
        "rule": rule,
        "rule_translated": rules.rule_translated(rule),
        "rule_source": _(pack.source),
        "clause": in_this_language("AGREEMENT_CLAUSE"),
        "replace_form": ReplaceForm(),
    }


def _list(visit: Visit) -> dict[str, Any]:
    """One page of the list, by keyset: `after` is the key of the last row of the page before."""
    query, after = visit.request.GET.get("q", "").replace("\0", "").strip()[:200], visit.request.GET.get("after", "")
    rows = listing.rows(visit.affected, now=visit.now)
    if query:
        rows = listing.found(rows, query)
    count, before = rows.count(), 0
    if after.isascii() and after.isdigit() and len(after) <= LONGEST_KEY:
        before = rows.filter(pk__lte=int(after)).count()
        rows = rows.filter(pk__gt=int(after))
    lines = _lines(visit, rows, PAGE)
    last = before + len(lines)
    return {
        "lines": lines, "query": query, "count": count, "first": before + 1, "last": last,
        "next_after": lines[-1].row.pk if last < count and lines else None,
    }  # fmt: skip


def _lines(visit: Visit, rows: QuerySet[AffectedCertificate], limit: int) -> list[listing.Line]:
    keys = rows.order_by("pk").values_list("pk", flat=True)[:limit]
    listed = listing.rows(visit.affected, now=visit.now).filter(pk__in=list(keys))
    return [listing.Line(row, visit.now, visit.zone_name) for row in listed]


def _urgency(deadline: datetime | None, now: datetime) -> str:
    """How the deadline looks: calm, soon when less than a day is left, or past."""
    if deadline is None:
        return "done"
    if deadline <= now:
        return "past"
    return "soon" if deadline - now <= SOON else "calm"
