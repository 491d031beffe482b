"""Reverse proxies as docs/install.md sets them up, with gzip on: real nginx and real Caddy."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.servers import free_port, wait_until

NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    gzip on;
    gzip_proxied any;
    gzip_min_length 1;
    gzip_types *;
    server {{
        listen 127.0.0.1:{http};
        listen 127.0.0.1:{https} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_read_timeout 1h;
        }}
    }}
}}
"""

CADDY = """
{{
    admin off
    auto_https off
}}
http://127.0.0.1:{http} {{
    encode gzip
    reverse_proxy 127.0.0.1:{upstream}
}}
https://127.0.0.1:{https} {{
    tls {certificate} {key}
    encode gzip
    reverse_proxy 127.0.0.1:{upstream}
}}
"""


@dataclass(frozen=True)
class ReverseProxy:
    """A running one: its addresses, and the certificate it has made for itself."""

    http: str
    https: str
    certificate: Path


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=needle", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return certificate, key


@contextmanager
def reverse_proxy(name: str, upstream: int, folder: Path) -> Iterator[ReverseProxy]:
    """`nginx` or `caddy` before the page on the port `upstream`."""
    program = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    assert program, f"these tests need {name}: sudo apt install nginx-light caddy"
    certificate, key = make_certificate(folder)
    http, https = free_port(), free_port()
    config = folder / f"{name}.conf"
    text = {"nginx": NGINX, "caddy": CADDY}[name]
    config.write_text(
        text.format(
            folder=folder, http=http, https=https, upstream=upstream,
            certificate=certificate, key=key,
        )
    )  # fmt: skip
    commands = {
        "nginx": [program, "-p", str(folder), "-c", str(config)],
        "caddy": [program, "run", "--adapter", "caddyfile", "--config", str(config)],
    }
    environ = os.environ | {"XDG_DATA_HOME": str(folder), "HOME": str(folder)}
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(commands[name], env=environ, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{http}"
        wait_until(lambda: _answers(url), what=f"{name} answers")
        yield ReverseProxy(url, f"https://127.0.0.1:{https}", certificate)
    finally:
        process.terminate()
        process.wait(10)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").status_code == 200
    except httpx.TransportError:
        return False
