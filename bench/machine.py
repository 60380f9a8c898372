"""Where and with what was measured."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import redis

from bench import database

PACKAGES = ("Django", "cryptography", "psycopg", "Jinja2", "celery", "django-anymail")


def facts() -> dict[str, Any]:
    """Cores, their kind and their load before the run; versions of Python, of the servers and of packages."""
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "load_before": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "postgresql": database.version(),
        "redis": _redis(),
        "packages": {name: version(name) for name in PACKAGES},
    }


def _processor() -> str:
    """The name that the kernel gives the processor; elsewhere than on Linux only its architecture."""
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text().splitlines() if listed.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _redis() -> str:
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        return str(client.info("server")["redis_version"])
