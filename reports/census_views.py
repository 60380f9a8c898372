"""The pages of the census: the numbers, and the lists behind them."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.template.response import TemplateResponse

from core import clock
from reports.census import HEAD, Choice, all_entries, census, entries, subscribers
from reports.lists import keyset
from subscribers.census import GROUPS, RISKS
from subscribers.exporting import CSV, TYPES, XLSX, csv_lines, xlsx_blocks
from subscribers.models import SubscriberClass

LONGEST_KEY = 18
MAY_ASK = "subscribers.add_checkround"


def census_page(request: HttpRequest) -> HttpResponse:
    """The numbers."""
    now = clock.now()
    context = {
        **admin.site.each_context(request),
        "title": "Contact census",
        "census": census(now=now),
        "groups": GROUPS,
        "now": now,
        "may_ask": request.user.has_perm(MAY_ASK),
    }
    return TemplateResponse(request, "reports/census.html", context)


def census_list(request: HttpRequest) -> HttpResponseBase:
    """The subscribers behind a number; `?format=csv` or `?format=xlsx` is all of them as a file."""
    now, choice = clock.now(), _choice(request)
    rows = subscribers(choice, now=now)
    if (wanted := request.GET.get("format", "")) in TYPES:
        return _file(HEAD, all_entries(rows, now=now), wanted, f"subscribers-{choice.group or 'all'}")
    after = request.GET.get("after", "")
    page = keyset(rows, after=int(after[:LONGEST_KEY]) if after.isdecimal() else 0)
    query = request.GET.copy()
    query.pop("after", None)
    context = {
        **admin.site.each_context(request),
        "title": "Subscribers by contacts",
        "choice": choice,
        "groups": GROUPS,
        "risks": RISKS,
        "classes": SubscriberClass.choices,
        "entries": entries(page.rows, now=now),
        "after": page.after,
        "query": query.urlencode(),
        "now": now,
    }
    return TemplateResponse(request, "reports/census_list.html", context)


def _choice(request: HttpRequest) -> Choice:
    choice = Choice(
        group=request.GET.get("group", ""),
        risk=request.GET.get("risk", ""),
        subscriber_class=request.GET.get("class", ""),
        search=request.GET.get("q", "").replace("\x00", "").strip()[:200],
    )
    for name, chosen, known in (
        ("group", choice.group, GROUPS),
        ("risk", choice.risk, RISKS),
        ("class", choice.subscriber_class, SubscriberClass.values),
    ):
        if chosen and chosen not in known:
            raise BadRequest(f"{name} can be {', '.join(known)}.")
    return choice


def _file(head: tuple[str, ...], rows: Iterator[list[str]], kind: str, name: str) -> StreamingHttpResponse:
    content: Iterator[Any] = csv_lines((head, rows)) if kind == CSV else xlsx_blocks({"subscribers": (head, rows)})
    answer = StreamingHttpResponse(content, content_type=TYPES[XLSX if kind == XLSX else CSV])
    answer["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    return answer
