"""Translations, read from `locale/<language>/LC_MESSAGES/needle.po` when the page starts.

Reading the source form saves a compiled file that could be missing or old.
"""

from __future__ import annotations

import ast
import gettext
import io
import struct
from collections.abc import Iterable
from pathlib import Path

LOCALE = Path(__file__).parent / "locale"

_FIELDS = ("msgctxt", "msgid_plural", "msgid", "msgstr")


class CatalogError(ValueError):
    """A line of a .po file that cannot be understood."""


def load(language: str, folder: Path = LOCALE) -> gettext.NullTranslations:
    """The translations into `language`; English is the language of the source.

    Raises:
        CatalogError: the file is damaged.
    """
    path = folder / language / "LC_MESSAGES" / "needle.po"
    if not path.exists():
        return gettext.NullTranslations()
    return gettext.GNUTranslations(io.BytesIO(to_mo(parse(path.read_text("utf-8")))))


def parse(text: str) -> dict[str, str]:
    r"""The messages of a .po file, keyed and joined as a .mo file wants them.

    A context stands before its message with `\x04`, plural forms are joined with `\0`.
    Fuzzy, obsolete and untranslated messages are left out.
    """
    messages: dict[str, str] = {}
    for entry in text.replace("\r\n", "\n").split("\n\n"):
        lines = [line.strip() for line in entry.split("\n")]
        fuzzy = any(line.startswith("#,") and "fuzzy" in line for line in lines)
        fields = _fields(line for line in lines if line and not line.startswith("#"))
        forms = [value for name, value in fields.items() if name.startswith("msgstr")]
        if fuzzy or "msgid" not in fields or not all(forms):
            continue
        context = f"{fields['msgctxt']}\x04" if "msgctxt" in fields else ""
        plural = f"\0{fields['msgid_plural']}" if "msgid_plural" in fields else ""
        messages[context + fields["msgid"] + plural] = "\0".join(forms)
    return messages


def _fields(lines: Iterable[str]) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in lines:
        if not line.startswith('"'):
            name, _, line = line.partition(" ")
            if not name.startswith(_FIELDS):
                raise CatalogError(f"not understood: {line[:60]!r}")
            if name in fields:
                raise CatalogError(f"an empty line is needed before {name} {line[:60]!r}")
            fields[name] = ""
        try:
            fields[name] += str(ast.literal_eval(line.strip()))
        except (KeyError, SyntaxError, ValueError):
            raise CatalogError(f"a quoted text is needed: {line[:60]!r}") from None
    return fields


def to_mo(messages: dict[str, str]) -> bytes:
    """`messages` in the binary form of gettext, which the standard library reads."""
    count = len(messages)
    pairs = sorted((key.encode(), value.encode()) for key, value in messages.items())
    texts = [key for key, _ in pairs] + [value for _, value in pairs]
    header_bytes = 7 * 4
    position = header_bytes + 2 * count * 8
    table = b""
    for text in texts:
        table += struct.pack("<II", len(text), position)
        position += len(text) + 1
    header = struct.pack(
        "<7I", 0x950412DE, 0, count, header_bytes, header_bytes + count * 8, 0, position
    )
    return header + table + b"".join(text + b"\0" for text in texts)
