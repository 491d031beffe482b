"""No secret lies in the repository: nothing of the shape of one, nothing that looks like one."""

from __future__ import annotations

import math
import re
from collections import Counter

import pytest

from tests.project.repository import committed

#: What issuers make: keys, tokens, addresses with a password.
SHAPES = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{36}|\bgithub_pat_\w{60}|\bglpat-[\w-]{20}"
    r"|\bxox[abprs]-[\w-]{20}|\bsk-[A-Za-z0-9_-]{32}|\bpypi-[\w-]{60}|\bnpm_[A-Za-z0-9]{36}"
    r"|\beyJ[\w-]{15,}\.eyJ[\w-]{15,}\.[\w-]{20}"
    r"|\bAIza[\w-]{35}|https://\w+@[\w.]*sentry\.io"
)
#: A literal that is given to a name which means a secret.
GIVEN = re.compile(
    r"(?i)(?:password|passwd|secret|token|api_?key|auth)\w*[\"']?\s*[:=]\s*[\"']([^\"'\s]{16,})[\"']"
)
#: Bits a character from which a text of 16 characters or more is no word of a person.
RANDOM_BITS = 3.6


def bits(text: str) -> float:
    """The entropy of a text, a character."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())


def secrets_in(text: str) -> list[str]:
    """What looks like a secret."""
    found = [match[0] for match in SHAPES.finditer(text)]
    given = [match[1] for match in GIVEN.finditer(text)]
    return found + [word for word in given if bits(word) > RANDOM_BITS and not _is_code(word)]


def _is_code(word: str) -> bool:
    """A template, a path, a name: what people write where a secret is meant."""
    return bool(re.search(r"[{}$()<>/\\ ]|\.\.", word)) or word.replace("_", "").isalpha()


def test_repository_holds_none() -> None:
    for file in committed():
        text = file.read_bytes().decode("utf-8", "replace")
        assert not secrets_in(text), file


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN " + "PRIVATE KEY-----",
        "-----BEGIN OPENSSH " + "PRIVATE KEY-----",
        "AKI" + "AIOSFODNN7EXAMPLE",
        "gh" + "p_" + "aB3" * 12,
        "xox" + "b-123456789012-abcdefghijkl",
        "ey"
        + "JhbGciOiJIUzI1NiJ9."
        + "ey"
        + "JzdWIiOiIxMjM0NTY3ODkwIn0."
        + "dozjgNryP4J3jVmNHl0w5N",
        "pass" + 'word = "' + "q8Zr2Lw9Xk" + '4Tn7Vb1Ym"',
        "NEEDLE_API_" + "TOKEN: 'q8Zr2Lw9Xk" + "4Tn7Vb1Ym'",
    ],
)
def test_secret_would_be_found(text: str) -> None:
    assert secrets_in(f"x = 1\n{text}\n")


def test_words_are_no_secrets() -> None:
    assert not secrets_in('password = "correct-horse"\ntoken = "{{ request.token_of_session }}"\n')
