# The page and the worker, each an image of its own: targets `web` and `worker`.
# docker-compose.yml runs them with a Valkey.  No build tool is left in either.
FROM python:3.13.9-slim-trixie AS build
WORKDIR /build
COPY requirements/ requirements/
RUN python -m venv /opt/needle \
    && /opt/needle/bin/pip install --no-cache-dir --require-hashes -r requirements/run.txt \
    && python -m venv tools \
    && tools/bin/pip install --no-cache-dir --require-hashes \
        -r requirements/build.txt -r requirements/node.txt
COPY . .
RUN tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && /opt/needle/bin/pip install --no-cache-dir --no-deps --no-index dist/*.whl \
    && /opt/needle/bin/pip uninstall --yes pip

FROM python:3.13.9-slim-trixie AS base
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin needle \
    && install --directory --owner needle --group needle --mode 700 \
        /data /accounts/worker /accounts/web \
    && install --directory --owner needle --group needle --mode 755 /accounts/redis \
    && pip uninstall --yes pip
COPY --from=build /opt/needle /opt/needle
ENV PATH=/opt/needle/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /
USER 10001:10001

FROM base AS web
# NEEDLE_URL is for `needle login-link` in here.
ENV NEEDLE_HOST=0.0.0.0 \
    NEEDLE_PORT=8787 \
    NEEDLE_URL=http://127.0.0.1:8787 \
    NEEDLE_DATA=/data
VOLUME ["/data"]
EXPOSE 8787
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-P", "-m", "cli.health", "web"]
CMD ["python", "-P", "-m", "web"]

FROM base AS worker
ENV NEEDLE_DATA=/data
VOLUME ["/data"]
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-P", "-m", "cli.health", "worker"]
CMD ["python", "-P", "-m", "worker"]
