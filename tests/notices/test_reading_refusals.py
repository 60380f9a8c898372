import pytest

from notices.refusals import is_about_address


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (550, "5.1.1 <nobody@subscriber.example>: user unknown"),
        (550, "5.1.10 The domain takes no mail (RFC 7505)"),
        (550, "5.2.1 Mailbox disabled"),
        (550, "No such user here"),
        (551, "User not local"),
        (553, "Mailbox name not allowed"),
        (556, "Domain does not accept mail"),
    ],
)
def test_a_reply_about_the_mailbox_is_about_the_address(code: int, text: str):
    assert is_about_address(code, text)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (450, "4.2.1 Mailbox busy"),
        (451, "4.3.0 Local error"),
        (452, "4.2.2 Over quota"),
        (421, "Closing"),
        (550, "5.7.1 Your address is on a block list"),
        (550, "5.7.26 Unauthenticated mail is not accepted"),
        (550, "5.1.8 Bad sender's system address"),
        (552, "5.2.2 Mailbox full"),
        (554, "5.7.1 Relay access denied"),
        (530, "Authentication required"),
        (503, "Bad sequence of commands"),
        (599, "Something"),
        (600, "Not SMTP"),
    ],
)
def test_a_reply_about_us_or_the_moment_is_not_about_the_address(code: int, text: str):
    assert not is_about_address(code, text)
