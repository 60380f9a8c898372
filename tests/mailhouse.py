"""A house with real mail: Postfix that relays and bounces, Dovecot with IMAP, LMTP and out-of-office replies (Sieve).

Both run with configurations of their own in a folder, on loopback, and end with the test. Mail to `ca.example` and
`subscriber.example` lies in mailboxes of Dovecot, where any name is a mailbox with the same password. Mail to any other
domain is relayed to a sink of the test; what that refuses with 550, Postfix returns as a report (RFC 3464).
"""

import grp
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers import folder

PATIENCE = 30
PASSWORD = "secret"
OWNER = "nobody"
PUBLIC = {"pickup", "cleanup", "qmgr", "flush", "postlogd"}
"""The services of Postfix whose sockets are public."""


@dataclass(frozen=True)
class MailHouse:
    """The ports of a running mail house, and its folder."""

    path: Path
    smtp: int
    imap: int
    lmtp: int

    def imap_url(self, user: str, mailbox: str = "INBOX") -> str:
        """Where the mailbox of an address is read."""
        return f"imap://{user.replace('@', '%40')}:{PASSWORD}@127.0.0.1:{self.imap}/{mailbox}"

    def put_away(self, user: str, text: str, *, subject: str = "Out of office") -> None:
        """Let somebody's mailbox answer by itself, once to each sender."""
        home = self.path / "mail" / user
        home.mkdir(parents=True, exist_ok=True)
        script = (
            f'require ["vacation"];\nvacation :days 1 :addresses ["{user}"] :subject "{subject}" text:\n{text}\n.\n;\n'
        )
        (home / ".dovecot.sieve").write_text(script)
        _give(home, OWNER)


@contextmanager
def mail_house(*, relay: int) -> Iterator[MailHouse]:
    """Start both servers; they are stopped afterwards, whatever happens."""
    with folder() as here:
        smtp, imap, lmtp = (_free_port() for _ in range(3))
        house = MailHouse(here, smtp, imap, lmtp)
        (here / "mail").mkdir()
        _give(here / "mail", OWNER)
        dovecot = _dovecot(house)
        try:
            _wait_for(imap, lmtp)
            _postfix(house, relay)
            try:
                _wait_for(smtp)
                yield house
            finally:
                subprocess.run(["postfix", "-c", here / "postfix", "stop"], check=False, capture_output=True)
        finally:
            dovecot.terminate()
            dovecot.wait(PATIENCE)


def _dovecot(house: MailHouse) -> "subprocess.Popen[bytes]":
    user = pwd.getpwnam(OWNER)
    run = house.path / "dovecot"
    run.mkdir()
    config = run / "dovecot.conf"
    config.write_text(f"""
base_dir = {run}/base
state_dir = {run}/state
log_path = {run}/log
protocols = imap lmtp
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:~/Maildir
mail_home = {house.path}/mail/%Lu
default_internal_user = {OWNER}
default_login_user = {OWNER}
default_internal_group = {grp.getgrgid(user.pw_gid).gr_name}
recipient_delimiter = +
submission_host = 127.0.0.1:{house.smtp}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = 127.0.0.1
    port = {house.imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {house.lmtp}
  }}
}}
service stats {{
  chroot =
}}
service anvil {{
  chroot =
}}
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={user.pw_uid} gid={user.pw_gid} home={house.path}/mail/%Lu allow_all_users=yes
}}
protocol lmtp {{
  mail_plugins = sieve
}}
plugin {{
  sieve = file:~/sieve;active=~/.dovecot.sieve
  sieve_vacation_send_from_recipient = yes
  sieve_vacation_min_period = 0
}}
""")
    return subprocess.Popen(
        [_program("dovecot"), "-F", "-c", config],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=(run / "err").open("wb"),
    )


def _postfix(house: MailHouse, relay: int) -> None:
    path = house.path / "postfix"
    for name in ("", "queue", "data"):
        (path / name).mkdir()
    _give(path / "data", "postfix")
    (path / "main.cf").write_text(f"""
compatibility_level = 3.6
queue_directory = {path}/queue
data_directory = {path}/data
maillog_file = {path}/log
maillog_file_prefixes = {path}
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.subscriber.example
mydestination =
alias_maps =
local_recipient_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:{relay}
transport_maps = texthash:{path}/transport
relay_domains = ca.example, subscriber.example
relay_recipient_maps =
recipient_delimiter = +
lmtp_destination_concurrency_limit = 4
maximal_queue_lifetime = 0
bounce_queue_lifetime = 0
smtputf8_enable = yes
disable_dns_lookups = yes
notify_classes =
""")
    services = "\n".join(
        f"{name} {kind} {'n' if command in PUBLIC or kind == 'inet' else '-'} - n {wakeup} {limit} {command}"
        for name, kind, wakeup, limit, command in (
            (f"127.0.0.1:{house.smtp}", "inet", "-", "-", "smtpd"),
            ("pickup", "unix", "60", "1", "pickup"),
            ("cleanup", "unix", "-", "0", "cleanup"),
            ("qmgr", "unix", "300", "1", "qmgr"),
            ("rewrite", "unix", "-", "-", "trivial-rewrite"),
            ("bounce", "unix", "-", "0", "bounce"),
            ("defer", "unix", "-", "0", "bounce"),
            ("trace", "unix", "-", "0", "bounce"),
            ("flush", "unix", "1000?", "0", "flush"),
            ("proxymap", "unix", "-", "-", "proxymap"),
            ("smtp", "unix", "-", "-", "smtp"),
            ("relay", "unix", "-", "-", "smtp"),
            ("lmtp", "unix", "-", "-", "lmtp"),
            ("error", "unix", "-", "-", "error"),
            ("retry", "unix", "-", "-", "error"),
            ("anvil", "unix", "-", "1", "anvil"),
            ("scache", "unix", "-", "1", "scache"),
            ("postlog", "unix-dgram", "-", "1", "postlogd"),
        )
    )
    (path / "master.cf").write_text(services + "\n")
    held = [f"{domain} lmtp:inet:127.0.0.1:{house.lmtp}" for domain in ("ca.example", "subscriber.example")]
    (path / "transport").write_text("\n".join(held) + "\n")
    subprocess.run(
        [_program("postfix"), "-c", path, "start"],
        check=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
    )


def _program(name: str) -> str:
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not found:
        raise FileNotFoundError(f"The tests of mail need {name}; `make test` installs it where it may.")
    return found


def _give(path: Path, owner: str) -> None:
    user = pwd.getpwnam(owner)
    for each in (path, *path.rglob("*")):
        os.chown(each, user.pw_uid, user.pw_gid)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found: int = free.getsockname()[1]
        return found


def _wait_for(*ports: int) -> None:
    end = time.monotonic() + PATIENCE
    for port in ports:
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=1):
                    break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
