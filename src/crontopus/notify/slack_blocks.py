"""What Slack shows of an alert, in its Block Kit.

What others wrote stands in rich text, where a text is nothing but text: no mention, no link, no formatting. Headers and
buttons are escaped as Slack asks for ("Formatting message text").
"""

from collections.abc import Sequence
from typing import Any

from crontopus.domain.alerts import Severity
from crontopus.domain.routing import Kind
from crontopus.notify import words
from crontopus.notify.contract import Link, Notice, Parcel

Block = dict[str, Any]

HEADER, TEXT, BUTTON, URL = 150, 3000, 75, 3000
"""Characters of a header, of a text, of a button, and of where that leads."""
BUTTONS = 6
_FALLBACK = 1000
_SUMMARY, _FACTS, _OUTPUT = 2000, 2500, TEXT
"""All that a message says must stay below 13,000 characters: more is refused although no limit is documented."""
_BRIEF = 200
_MARKS = {Severity.CRITICAL: "🔴", Severity.WARNING: "🟠", Severity.INFO: "🔵"}


def fallback(parcel: Parcel) -> str:
    """What notifications show, and whoever has the blocks read to them."""
    notice = parcel.first
    text = f"{words.title(parcel)}\n{words.why(notice)}" if parcel.is_single else words.title(parcel)
    return words.cut_escaped(text, _FALLBACK, escaped)


def blocks(parcel: Parcel) -> list[Block]:
    """Without output."""
    return _card(parcel.first) if parcel.is_single else _list(parcel)


def output(notice: Notice) -> list[Block]:
    """Its last lines; nothing where there is none."""
    text = words.tail(notice.output, _OUTPUT)
    return [_rich({"type": "rich_text_preformatted", "elements": [_text(text)]})] if text.strip() else []


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _card(notice: Notice) -> list[Block]:
    summary = words.cut("\n".join(filter(None, (words.why(notice), words.place(notice)))), _SUMMARY)
    told = words.clipped(words.facts(notice), _FACTS, _FACTS)
    lines = [part for name, value in told.items() for part in (_bold(f"{name}: "), _text(f"{value}\n"))]
    return [
        _header(f"{_mark(notice)} {words.heading(notice)}"),
        *([_section(_text(summary))] if summary.strip() else []),
        *([_section(*lines)] if lines else []),
        *_buttons(words.links(notice, URL)),
    ]


def _list(parcel: Parcel) -> list[Block]:
    named = parcel.notices[: words.LISTED]
    rest = len(parcel.notices) - len(named)
    sections = [_brief(notice) for notice in named]
    if rest:
        sections.append(_section(_text(f"and {rest} more")))
    return [_header(words.title(parcel)), *sections]


def _brief(notice: Notice) -> Block:
    parts = [_bold(words.cut(f"{_mark(notice)} {words.heading(notice)}", _BRIEF))]
    if place := words.place(notice):
        parts.append(_text(f"\n{words.cut(place, _BRIEF)}"))
    parts += [part for link in words.links(notice, URL)[:1] for part in (_text("\n"), _link(link))]
    return _section(*parts)


def _mark(notice: Notice) -> str:
    if notice.is_over:
        return "🟢"
    return "🟡" if notice.kind is Kind.ACKNOWLEDGE else _MARKS[notice.severity]


def _header(text: str) -> Block:
    return {"type": "header", "text": _plain(text, HEADER)}


def _buttons(links: Sequence[Link]) -> list[Block]:
    buttons = [
        {"type": "button", "text": _plain(link.text or "Open", BUTTON), "url": link.url, "action_id": f"link-{number}"}
        for number, link in enumerate(links[:BUTTONS])
    ]
    return [{"type": "actions", "elements": buttons}] if buttons else []


def _plain(text: str, most: int) -> Block:
    return {"type": "plain_text", "text": words.cut_escaped(text, most, escaped), "emoji": False}


def _section(*elements: Block) -> Block:
    return _rich({"type": "rich_text_section", "elements": list(elements)})


def _rich(element: Block) -> Block:
    return {"type": "rich_text", "elements": [element]}


def _text(text: str) -> Block:
    return {"type": "text", "text": text}


def _bold(text: str) -> Block:
    return _text(text) | {"style": {"bold": True}}


def _link(link: Link) -> Block:
    return {"type": "link", "url": link.url, "text": words.cut(link.text or "Open", BUTTON)}
