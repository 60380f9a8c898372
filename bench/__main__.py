"""`python -m bench`: starts PostgreSQL, Redis and a mail sink, and measures in a process that knows only those."""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from bench.scale import SCALES
from tests import servers

ROOT = Path(__file__).resolve().parent.parent
MEASURE = "import django; django.setup(); from bench.run import main; raise SystemExit(main())"
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TERM")


def main() -> int:
    """Measure everything; 1 if something goes wrong, or with --strict if a ratio is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--size", choices=SCALES, default=os.environ.get("SIZE") or "small", help="default: small")
    parser.add_argument("--strict", action="store_true", help="end with 1 if a ratio that is wanted is missed")
    options = parser.parse_args()
    if options.size not in SCALES:  # argparse does not look at a default
        parser.error(f"SIZE is {options.size!r}; the sizes are {', '.join(SCALES)}.")
    signal.signal(signal.SIGTERM, _stop)
    with ExitStack() as stack:
        folder = stack.enter_context(servers.folder())
        environment = {name: os.environ[name] for name in KEPT if name in os.environ} | {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "READ_DOT_ENV": "0",
            "VAR": str(folder),
            "DATABASE_URL": stack.enter_context(servers.postgresql()),
            "REDIS_URL": stack.enter_context(servers.valkey()),
            "DRILL_EMAIL_URL": f"smtp://127.0.0.1:{stack.enter_context(_sink())}",
            "NOTICE_FROM": "Example CA <revocation@ca.example>",
            "LOG_LEVEL": "CRITICAL",
            "BENCH_SIZE": options.size,
            "BENCH_STRICT": str(int(options.strict)),
        }
        return subprocess.run([sys.executable, "-c", MEASURE], env=environment, cwd=ROOT, check=False).returncode


@contextmanager
def _sink() -> Iterator[int]:
    """The mail sink in a process of its own; its port."""
    with subprocess.Popen([sys.executable, "-m", "bench.sink"], stdout=subprocess.PIPE, text=True, cwd=ROOT) as sink:
        try:
            yield int(sink.stdout.readline() if sink.stdout else "")
        finally:
            sink.terminate()


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(143)


if __name__ == "__main__":
    sys.exit(main())
