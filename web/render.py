"""HTML: one Jinja environment a language, filters for figures, pages and fragments.

A fragment draws one section of the page in all its states; first paint, answers to forms and
the stream share it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, pass_context
from jinja2.runtime import Context

from web import format as figures
from web import messages
from web.alerts import words
from web.alerts.words import Words
from web.assets import Assets
from web.reasons import Reasons
from web.settings import LANGUAGES
from web.state import State
from web.telling import Teller, teller

TEMPLATES = Path(__file__).parent / "templates"


class Section(NamedTuple):
    """A part of the page: the template that draws it, the id of its element."""

    template: str
    id: str


SECTIONS = (
    Section("_header.html", "status"),
    Section("_banner.html", "banner"),
    Section("_alerts.html", "alerts"),
    Section("_scan.html", "scan"),
    Section("_throughput.html", "throughput"),
    Section("_formats.html", "formats"),
    Section("_stages.html", "stages"),
    Section("_problems.html", "problems"),
    Section("_refused.html", "refused"),
    Section("_workers.html", "workers"),
    Section("_activity.html", "activity"),
    Section("_size_card.html", "sizes"),
    Section("_last_scans.html", "last-scans"),
    Section("_announce.html", "announce"),
)


class Renderer:
    """Draws pages and fragments; holds the compiled templates of every language."""

    def __init__(self, assets: Assets, zone: ZoneInfo) -> None:
        self._environments = {
            language: _environment(language, assets, zone) for language in LANGUAGES
        }

    def page(
        self, template: str, *, language: str, theme: str, role: str, state: State, **values: object
    ) -> str:
        """A whole page.  `theme` is `auto`, `light` or `dark`; fragments never depend on it.

        `role` is `operator`, `viewer` or "": only an operator is shown what changes something.
        """
        context = {"state": state, "lang": language, "theme": theme, "role": role, "notice": ""}
        return self._environments[language].get_template(template).render(context | values)

    def fragment(self, section: Section, language: str, role: str, state: State) -> str:
        """One section as somebody in `role` sees it, with the element that carries its id."""
        template = self._environments[language].get_template(section.template)
        return template.render(state=state, lang=language, theme="auto", role=role, notice="")

    def words_in(self, language: str) -> Words:
        """What is told of alerts outside of the page."""
        return Words(language, messages.load(language).gettext)

    def translate(self, text: str, language: str) -> str:
        """`text`, an English sentence of the page, in `language`."""
        translated: str = self._environments[language].filters["reason"](text)
        return translated

    def teller(self, language: str) -> Teller:
        """What puts sentences with figures into `language`."""
        tell: Teller = self._environments[language].filters["told"]
        return tell


def partial(section: Section, html: str) -> str:
    """`html` wrapped so that htmx morphs it into its place."""
    return f'<hx-partial hx-target="#{section.id}" hx-swap="outerMorph">{html}</hx-partial>'


def _environment(language: str, assets: Assets, zone: ZoneInfo) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    translations = messages.load(language)
    environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]
    reasons = Reasons(translations.gettext, lambda value: figures.number(value, language))
    environment.filters.update(_filters(language, zone))
    environment.filters.update(reason=reasons.reason, actor=reasons.actor)
    environment.filters.update(told=teller(translations.gettext, language))
    environment.filters.update(
        measure=lambda key: translations.gettext(words.NAMES.get(key, str(key))),
        hint=lambda key: translations.gettext(words.HINTS[key]) if key in words.HINTS else "",
        amount=lambda value, measure: words.value(value, measure, language),
    )
    environment.globals.update(
        t=translations.gettext, asset=assets.url, integrity=assets.integrity, SECTIONS=SECTIONS
    )
    return environment


def _filters(language: str, zone: ZoneInfo) -> dict[str, Callable[..., Any]]:
    """Figures in `language`; `ago` and `clock` count from the moment of the state shown."""

    @pass_context
    def ago(context: Context, at: float | None) -> str:
        return figures.ago(context["state"].at - at if at else None, language)

    @pass_context
    def clock(context: Context, at: float | None) -> str:
        return figures.clock(at, language, zone, context["state"].at)

    return {
        "n": lambda value, decimals=0: figures.number(value, language, decimals),
        "rate": lambda value: figures.rate(value, language),
        "bytes": lambda value: figures.size(value, language),
        "seconds": lambda value: figures.seconds(value, language),
        "duration": lambda value: figures.duration(value, language),
        "percent": lambda part, whole: figures.percent(part, whole, language),
        "ago": ago,
        "clock": clock,
    }
