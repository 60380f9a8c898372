import pytest

from notices.addresses import without_key, without_link


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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see https://ca.example/respond/ab.1.1.xy/ now", "see https://ca.example/respond/(personal link)/ now"),
        ("https://ca.example/respond/ab.1/list.csv", "https://ca.example/respond/(personal link)/list.csv"),
        (
            "> https://ca.example/respond/ab.1.\n> 1.xyz/\n> Regards",
            "> https://ca.example/respond/(personal link)/\n> Regards",
        ),
        ("https://ca.example/contact/ab=\r\ncd/", "https://ca.example/contact/(personal link)/"),
        ('<a href="https://ca.example/respond/ab.1/">', '<a href="https://ca.example/respond/(personal link)/">'),
        ("nothing to respond to/ here", "nothing to respond to/ here"),
    ],
)
def test_personal_links_are_left_out_also_where_a_line_breaks(text: str, shown: str):
    assert without_link(text) == shown
