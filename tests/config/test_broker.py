"""The filesystem broker under the hands of several processes."""

import shutil
import subprocess
import sys
from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection
from kombu.transport import TRANSPORT_ALIASES

from config.broker import Transport

PUT = """
import sys
from kombu import Connection
from kombu.transport import TRANSPORT_ALIASES
TRANSPORT_ALIASES["filesystem"] = "config.broker:Transport"
folder = sys.argv[1]
options = {f"data_folder_{way}": f"{folder}/messages" for way in ("in", "out")}
options |= {"processed_folder": f"{folder}/processed", "control_folder": f"{folder}/control"}
with Connection("filesystem://", transport_options=options) as connection:
    queue = connection.SimpleQueue("look")
    for number in range(400):
        queue.put({"number": number, "padding": "x" * 5000})
"""


@pytest.fixture
def connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(TRANSPORT_ALIASES, "filesystem", "config.broker:Transport")
    options = {f"data_folder_{way}": str(tmp_path / "messages") for way in ("in", "out")}
    options |= {"processed_folder": str(tmp_path / "processed"), "control_folder": str(tmp_path / "control")}
    with Connection("filesystem://", transport_options=options) as opened:
        opened.transport.state.clear()
        assert isinstance(opened.transport, Transport)
        yield opened


def test_no_message_is_ever_seen_half_written(connection, tmp_path):
    queue = connection.SimpleQueue("look")
    writers = [subprocess.Popen([sys.executable, "-c", PUT, str(tmp_path)]) for _ in range(2)]

    seen = [queue.get(timeout=30).payload["number"] for _ in range(800)]

    assert [writer.wait(30) for writer in writers] == [0, 0]
    assert sorted(seen) == sorted(list(range(400)) * 2)
    assert list((tmp_path / "processed").iterdir()) == []


def test_messages_are_taken_in_the_order_in_which_they_came(connection):
    queue = connection.SimpleQueue("look")
    for number in range(5):
        queue.put(number)

    assert [queue.get(timeout=5).payload for _ in range(5)] == [0, 1, 2, 3, 4]


def test_a_removed_folder_costs_its_messages_and_nothing_else(connection, tmp_path):
    queue = connection.SimpleQueue("look")
    queue.put("lost")
    shutil.rmtree(tmp_path / "messages")
    shutil.rmtree(tmp_path / "control")

    with pytest.raises(Empty):
        queue.get(timeout=0.2)
    queue.put("found")
    assert queue.get(timeout=5).payload == "found"
