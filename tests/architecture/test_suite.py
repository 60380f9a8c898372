"""The suite's own machinery: nothing is skipped in silence, and no server outlives its run."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import redis

from tests.architecture.source import ROOT
from tests.servers import postgresql, valkey

LEFT_OUT = {
    "marked": "import pytest\n@pytest.mark.skip(reason='later')\ndef test_it(): assert False",
    "called": "import pytest\ndef test_it(): pytest.skip('later')",
    "expected_to_fail": "import pytest\n@pytest.mark.xfail\ndef test_it(): assert False",
    "unexpectedly_passed": "import pytest\n@pytest.mark.xfail\ndef test_it(): pass",
    "whole_file": "import pytest\npytest.skip('later', allow_module_level=True)",
    "missing_module": "import pytest\npytest.importorskip('no_such_module')",
}


@pytest.mark.parametrize("workers", ["0", "1"])
def test_every_way_of_leaving_a_test_out_fails_the_run(tmp_path: Path, workers: str):
    for name, text in {**LEFT_OUT, "run": "def test_it(): pass"}.items():
        (tmp_path / f"test_{name}.py").write_text(text)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-n",
        workers,
        "-p",
        "no:cacheprovider",
        "--continue-on-collection-errors",
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [*command, "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path), str(tmp_path)],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout
    told = set(re.findall(r"^(?:FAILED|ERROR) \S*test_(\w+)\.py", done.stdout, re.MULTILINE))
    assert told == set(LEFT_OUT), done.stdout
    assert " 1 passed" in done.stdout


def test_the_servers_answer_and_are_gone_afterwards():
    with postgresql() as database, valkey() as broker:
        folder = Path(database.partition("?host=")[2])
        socket = broker.removeprefix("unix://")
        with psycopg.connect(host=str(folder), user="postgres", dbname="postgres") as connection:
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        with redis.Redis(unix_socket_path=socket) as client:
            assert client.ping()
    assert not folder.exists()
    assert not Path(socket).exists()


def test_a_run_that_is_ended_takes_its_servers_along():
    command = [sys.executable, "-m", "tests.servers", sys.executable, "-c"]
    shows_and_waits = "import os, time; print(os.environ['DATABASE_URL'], flush=True); time.sleep(60)"
    with subprocess.Popen([*command, shows_and_waits], cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout
        found = re.search(r"host=(\S+)", run.stdout.readline())
        assert found
        folder = Path(found[1])
        server = int((folder / "postmaster.pid").read_text().split()[0])
        run.send_signal(signal.SIGTERM)
        assert run.wait(30) == 143
    assert not folder.parent.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)
