import pytest

from notices.addresses import without_key


@pytest.mark.parametrize(
    ("channel", "whole", "told"),
    [
        ("mail", "a@b.example", "a@b.example"),
        ("chat", "msteams://token/secret/x", "msteams://…"),
        ("webhook", "https://hooks.example/secret", "https://hooks.example/…"),
        ("webhook", "https://name:word@hooks.example:8443/x?y=z", "https://hooks.example:8443/…"),
        ("webhook", "", ""),
        ("chat", "no address", "chat://…"),
        ("sms", "+41 44 000 00 01", "+41 44 000 00 01"),
    ],
)
def test_addresses_that_hold_keys_are_cut(channel: str, whole: str, told: str):
    assert without_key(channel, whole) == told
