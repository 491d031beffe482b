"""Which Needle the commands speak to: what the terminal reads of the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping

from wire.settings import Setting, SettingsError, read

URL = Setting(
    "NEEDLE_URL",
    "",
    "Address of the Needle that commands such as `needle scan` speak to, like `--url`. Default: "
    "the one that runs on the data folder.",
)
TOKEN = Setting(
    "NEEDLE_TOKEN",
    "",
    "API token for that Needle. Default: the operator token in the data folder, if the address is "
    "one of this machine.",
)
SETTINGS = (URL, TOKEN)


def read_url(environ: Mapping[str, str] = os.environ) -> str:
    """The address, "" when none is set.  Raises SettingsError."""
    return read(URL, environ)


def read_token(environ: Mapping[str, str] = os.environ) -> str:
    """The token, "" when none is set.  Raises SettingsError, which does not tell it."""
    token = read(TOKEN, environ)
    if not (token.isascii() and token.isprintable()):  # it could not be sent
        raise SettingsError(f"{TOKEN.name} is no token: it holds characters that none has")
    return token
