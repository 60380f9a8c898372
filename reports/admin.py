"""Accounts and roles of the staff, in the console's look."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class StaffAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[type-arg]
    """An account is made inactive, never deleted: the journal names it."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "first_name", "last_name", "roles", "is_active", "is_superuser", "last_login")

    @admin.display(description="Roles")
    def roles(self, user: User) -> str:
        """The names of the person's roles."""
        return ", ".join(sorted(group.name for group in user.groups.all()))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Accounts stay."""
        return False


@admin.register(Group)
class RoleAdmin(DjangoGroupAdmin, ModelAdmin):
    """The four roles are renewed by each migration; further ones can be made."""
