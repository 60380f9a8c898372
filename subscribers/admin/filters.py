"""Filters of the list of subscribers: how many contacts are sound, and what was committed to."""

from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

from core import clock
from subscribers.census import GROUPS, RISKS, of_group, of_risk
from subscribers.models import Subscriber


class GroupFilter(SimpleListFilter):
    """By group of the census."""

    title = "contacts"
    parameter_name = "group"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> list[tuple[str, str]]:
        """The groups."""
        return list(GROUPS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Subscriber]) -> QuerySet[Subscriber]:
        """The subscribers of the chosen group; a group that there is none of chooses nothing."""
        return of_group(queryset, value, now=clock.now()) if (value := self.value()) in GROUPS and value else queryset


class RiskFilter(SimpleListFilter):
    """By risk class."""

    title = "commitment"
    parameter_name = "risk"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> list[tuple[str, str]]:
        """The risk classes."""
        return list(RISKS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Subscriber]) -> QuerySet[Subscriber]:
        """The subscribers of the chosen risk class."""
        return of_risk(queryset, value, now=clock.now()) if (value := self.value()) in RISKS and value else queryset
