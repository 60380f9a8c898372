"""Set the scene in a house: database, accounts, the incident in small, import, approval, launch."""

import sys

import django

django.setup()

from datetime import timedelta  # noqa: E402

from django.conf import settings  # noqa: E402

from core import clock  # noqa: E402
from rehearsal import history, incident  # noqa: E402
from rehearsal.scenes import Scenes  # noqa: E402

if __name__ == "__main__":
    clock.set_anchor(settings.VAR / "clock.json", shown=history.FIXED_AT + timedelta(minutes=5), speed=0)
    size = incident.Size(certificates=int(sys.argv[1]), subscribers=int(sys.argv[2]))
    scenes = Scenes(settings.VAR, size, "only for this test", print)
    scenes.launch(scenes.prepare())
