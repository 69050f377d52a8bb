# One image for every process: its command is the name of a line of the Procfile, or any command such as `autos status`.
# It has no HEALTHCHECK, since that could ask after one of the processes only; docs/operating.md has one for each.
FROM python:3.11-slim

WORKDIR /srv/autos
ENV PYTHONPATH=/srv/autos PYTHONUNBUFFERED=1

COPY requirements.lock ./
RUN pip install --no-cache-dir --root-user-action ignore --require-hashes --only-binary :all: -r requirements.lock

RUN useradd --system --uid 10001 --create-home autos
COPY container/ /usr/local/bin/
COPY Procfile ./
COPY migrations/ migrations/
COPY service/ service/
COPY worker/ worker/

# By number, so that a platform can tell that it is not root.
USER 10001
EXPOSE 8000
ENTRYPOINT ["start"]
CMD ["web"]
