from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from django.conf import LazySettings

from notices.returns import LONGEST_LOCAL_PART, read_return_path, return_path


@pytest.fixture(autouse=True)
def mailbox(settings: LazySettings) -> None:
    settings.RETURN_PATH = "bounces@ca.example"


def test_a_message_is_told_by_the_address_that_its_bounce_goes_to():
    public_id = uuid4()
    address = return_path(public_id)
    assert address.startswith(f"bounces+{public_id.hex}.")
    assert address.endswith("@ca.example")
    assert read_return_path(address) == public_id
    assert read_return_path(f" <{address.upper()}> ") == public_id


def test_a_return_path_fits_into_what_mail_servers_take(settings: LazySettings):
    settings.RETURN_PATH = "b" * LONGEST_LOCAL_PART + "@ca.example"
    assert len(return_path(uuid4()).partition("@")[0]) == 64
    assert LONGEST_LOCAL_PART == 18


@pytest.mark.parametrize(
    "forge",
    [
        lambda address: address.replace(".", ".a", 1),
        lambda address: address.replace("bounces", "other"),
        lambda address: address.replace("ca.example", "elsewhere.example"),
        lambda address: address.replace(address.partition("+")[2][:32], UUID(int=7).hex),
        lambda address: "bounces@ca.example",
        lambda address: "",
        lambda address: "ü\0+" * 1000,
    ],
)
def test_a_forged_or_foreign_address_stands_for_no_message(forge: Callable[[str], str]):
    assert read_return_path(forge(return_path(UUID(int=1)))) is None


def test_without_a_mailbox_there_is_no_return_path(settings: LazySettings):
    address = return_path(uuid4())
    settings.RETURN_PATH = ""
    assert return_path(uuid4()) == ""
    assert read_return_path(address) is None


def test_another_key_makes_other_tags(settings: LazySettings):
    address = return_path(UUID(int=1))
    settings.SECRET_KEY = "another key of this test"
    assert read_return_path(address) is None
