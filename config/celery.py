"""Celery's app and the beat table, in code. A message in the broker only says "look now"; the work is in due rows."""

import os
from datetime import timedelta

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings

SHORTEST_TICK = timedelta(milliseconds=500)

BEAT = {
    "notices.tasks.escalate": timedelta(seconds=15),
    "notices.tasks.tell_news": timedelta(seconds=15),
    "notices.tasks.send": timedelta(seconds=15),
    "notices.tasks.read_mailboxes": timedelta(seconds=15),
    "notices.tasks.send_letters": timedelta(seconds=15),
    "notices.tasks.write_letters": timedelta(seconds=60),
    "notices.tasks.remind_commitments": timedelta(hours=1),
    "campaigns.tasks.check_replacements": timedelta(seconds=60),
    "campaigns.tasks.snapshot": timedelta(seconds=60),
    "revocation.tasks.schedule": timedelta(seconds=15),
    "revocation.tasks.submit": timedelta(seconds=15),
    "revocation.tasks.verify": timedelta(seconds=60),
    "audit.tasks.seal": timedelta(minutes=5),
}


def tick(every: timedelta) -> timedelta:
    """How often to look, by the world's time: a rehearsal's fast clock makes ticks shorter, within reason."""
    speed: float = max(settings.CLOCK_SPEED, 1)
    return max(every / speed, min(every, SHORTEST_TICK))


app = Celery("recall")
app.autodiscover_tasks()
app.conf.update(
    broker_url=settings.BROKER_URL,
    broker_connection_retry_on_startup=True,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    task_time_limit=settings.TASK_TIME_LIMIT,
    task_routes={"revocation.tasks.*": {"queue": "revocation"}},
    task_default_queue="celery",
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    timezone="UTC",
    beat_schedule={
        name: {"task": name, "schedule": tick(every), "options": {"expires": max(tick(every).total_seconds() * 4, 5)}}
        for name, every in BEAT.items()
    },
    beat_schedule_filename=str(settings.VAR / "beat"),
)
if settings.BROKER_URL == "filesystem://":
    TRANSPORT_ALIASES["filesystem"] = "config.broker:Transport"
    app.conf.broker_transport_options = {
        "data_folder_in": str(settings.BROKER_DIR / "messages"),
        "data_folder_out": str(settings.BROKER_DIR / "messages"),
        "processed_folder": str(settings.BROKER_DIR / "processed"),
        "control_folder": str(settings.BROKER_DIR / "control"),
        "polling_interval": 0.02,
    }
