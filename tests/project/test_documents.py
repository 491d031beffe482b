"""The documents tell the truth about settings, routes, commands and versions."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import click
import pytest

from cli.main import main
from cli.settings import SETTINGS as CLI_SETTINGS
from tests.project.repository import ROOT, committed
from web.app import ROUTES
from web.settings import SETTINGS as WEB_SETTINGS
from wire.settings import Setting
from worker.settings import SETTINGS as WORKER_SETTINGS

SETTINGS = sorted(
    {*WEB_SETTINGS, *WORKER_SETTINGS, *CLI_SETTINGS}, key=lambda setting: setting.name
)
DOCUMENTS = committed("*.md", "docs/**.md")


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_setting_is_documented(setting: Setting) -> None:
    default = f"`{setting.default}`" if setting.default else ""
    row = f"| `{setting.name}` | {default} | {setting.help} |"
    assert row in (ROOT / "docs/configure.md").read_text(), row


def test_no_document_names_an_unknown_setting() -> None:
    known = {setting.name for setting in SETTINGS} | {"NEEDLE_X"}
    known |= {name + "_FILE" for name in known}
    for document in (*DOCUMENTS, ROOT / ".env.example", ROOT / "docker-compose.yml"):
        named = set(re.findall(r"\bNEEDLE_[A-Z_]*[A-Z]\b", document.read_text()))
        assert named <= known, (document, named - known)


def test_every_api_route_is_documented() -> None:
    document = (ROOT / "docs/api.md").read_text()
    for route in ROUTES:
        path = getattr(route, "path", "")
        for method in (getattr(route, "methods", None) or set()) - {"HEAD"}:
            if path.startswith("/api/") or path in ("/healthz", "/readyz", "/metrics"):
                assert f"`{method} {path}`" in document, path


def test_every_dependency_has_its_line() -> None:
    """Why it is here, and its license: see docs/decisions/dependencies.md."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = [
        project["project"]["dependencies"],
        *project["project"]["optional-dependencies"].values(),
        *project["dependency-groups"].values(),
    ]
    cells = re.findall(
        r"^\| ([^|]*) \|", (ROOT / "docs/decisions/dependencies.md").read_text(), flags=re.MULTILINE
    )
    told = {name for cell in cells for name in re.findall(r"[a-z0-9][a-z0-9-]*", cell)}
    for requirement in (requirement for group in groups for requirement in group):
        name = re.match(r"[a-z0-9-]+", requirement.lower().replace(".", "-"))
        assert name, requirement
        assert name[0] in told, name[0]


def test_newest_change_is_this_version() -> None:
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert newest
    assert newest[1] == project["version"]


def test_readme_begins_with_the_two_commands() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert lines[2:6] == [
        "```",
        "make run MUSIC=~/Music      # then open the address it prints",
        "make test",
        "```",
    ]


def test_documented_commands_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    for document in DOCUMENTS:
        text = document.read_text()
        assert set(re.findall(r"(?:^|`)make ([a-z]+)", text, flags=re.MULTILINE)) <= targets
        for command in re.findall(r"(?:^|`|/)needle ([a-z][^`#\n]*)", text, flags=re.MULTILINE):
            _check_command(command.split())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
        assert (document.parent / target).exists(), target


def _check_command(words: list[str]) -> None:
    command = main.commands.get(words[0])
    if isinstance(command, click.Group) and words[1:]:
        command = command.commands.get(words[1])
    assert command, f"needle {' '.join(words[:2])}"
    options = {name for option in command.params for name in option.opts}
    assert {word for word in words[1:] if word.startswith("--")} <= options, words
    assert isinstance(command, click.Command)
