# One image for every process: web, beat and workers differ by their command only (compose.yaml).
FROM python:3.11-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
    READ_DOT_ENV=0 VAR=/var/lib/recall

RUN useradd --system --uid 10001 --home-dir /var/lib/recall --create-home recall
WORKDIR /opt/recall
COPY requirements.txt .
RUN pip install --require-hashes -r requirements.txt
COPY . .
RUN python -m compileall -q .

USER recall
VOLUME /var/lib/recall
EXPOSE 8000
# No access log: the addresses of respond-links are keys (core/redaction.py keeps them out of the site's own log).
CMD ["gunicorn", "config.wsgi", "--bind=0.0.0.0:8000", "--workers=3", "--timeout=300"]
