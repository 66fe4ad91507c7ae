"""E-mail: one thread for each time that an alert is open, text and HTML, the output as a file beside it."""

from html import escape
from typing import Annotated

from msgspec import Meta, Struct

from crontopus.domain.mail_server import MailServer
from crontopus.domain.text import on_one_line, shown
from crontopus.notify import mail, words
from crontopus.notify.contract import Notice, Parcel
from crontopus.notify.outcome import GiveUp, Outcome, TryAgain

TITLE = "E-mail"
SECRETS: frozenset[str] = frozenset()
KEEPS = False
_WIDTH = 78
"""Of a subject, which begins with the state."""
_LINES_SHOWN = 20
_BUTTON = (
    "display:inline-block;padding:7px 14px;border:1px solid #71717a;border-radius:6px;color:#18181b;background:#fff;"
    "text-decoration:none"
)
_NO_MAIL = "this installation sends no e-mail: whoever runs it can give the settings smtp_url and mail_from"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    to: Annotated[
        str, Meta(pattern=r"^[^@\s<>,;:]{1,64}@[^@\s<>,;:]{1,255}$(?!\n)", description="The address it goes to.")
    ]


async def send(settings: Settings, parcel: Parcel, server: MailServer | None, unsubscribe: str) -> Outcome:
    """`unsubscribe`: the link that switches the channel off, for the reader and for their mail program."""
    if server is None:
        return TryAgain(_NO_MAIL)
    first = parcel.first
    try:
        message = mail.written(server, settings.to, _subject(parcel), first.id, parcel.sent_at, tenant=first.tenant)
    except ValueError as error:
        return GiveUp(f"no such address: {error}", broken=True)
    if parcel.is_single and first.reference:
        message["In-Reply-To"] = first.reference
        message["References"] = first.reference
    message["List-Unsubscribe"] = f"<{unsubscribe}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(_text(parcel, unsubscribe))
    message.add_alternative(_html(parcel, unsubscribe), subtype="html")
    for notice in parcel.notices:
        if notice.output:
            text = "\n".join(notice.output) + "\n"
            message.add_attachment(text, filename=f"output-{notice.job or 'job'}.txt")
    return await mail.deliver(server, message)


def _subject(parcel: Parcel) -> str:
    first = parcel.first
    whole = words.heading(first) if parcel.is_single else _many(parcel)
    line = " ".join(on_one_line(whole).split())
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…"


def _many(parcel: Parcel) -> str:
    states = [notice.state for notice in parcel.notices]
    amounts = ", ".join(f"{states.count(state)} {state.lower()}" for state in dict.fromkeys(states))
    return f"{len(states)} ALERTS: {amounts}"


def _text(parcel: Parcel, unsubscribe: str) -> str:
    parts = [_brief(notice) if parcel.summary else _of_one(notice) for notice in parcel.notices]
    foot = f"No more of these: {unsubscribe}"
    return ("\n" if parcel.summary else "\n\n----\n\n").join(parts) + f"\n\n-- \n{foot}\n"


def _brief(notice: Notice) -> str:
    return shown(notice.own.title or f"{notice.state}: {notice.title}")


def _why(notice: Notice) -> str:
    return shown(notice.own.text or notice.summary)


def _of_one(notice: Notice) -> str:
    lines = [_brief(notice), "", _why(notice), ""]
    lines += [shown(f"{fact.name}: {fact.value}") for fact in notice.facts]
    if notice.output:
        lines += ["", f"The last {len(notice.output)} lines:", "", *(f"  {shown(line)}" for line in notice.output)]
    lines += ["", *(f"{link.text}: {link.url}" for link in notice.links)]
    return "\n".join(lines)


def _html(parcel: Parcel, unsubscribe: str) -> str:
    parts = (_html_brief(notice) if parcel.summary else _html_of(notice) for notice in parcel.notices)
    foot = f'<p style="color:#666">{_link("No more of these", unsubscribe)}</p>'
    style = "font-family:system-ui,sans-serif;font-size:14px;line-height:1.5;max-width:44em"
    return f'<!doctype html><html lang="en"><body style="{style}">{"<hr>".join(parts)}{foot}</body></html>'


def _html_brief(notice: Notice) -> str:
    colour = "#166534" if notice.is_over else "#991b1b"
    first, rest = (notice.own.title, "") if notice.own.title else (notice.state, f" {_safe(notice.title)}")
    return f'<p><strong style="color:{colour}">{_safe(first)}</strong>{rest}</p>'


def _html_of(notice: Notice) -> str:
    facts = "".join(f"<tr><td>{_safe(each.name)}</td><td>{_safe(each.value)}</td></tr>" for each in notice.facts)
    shows = "\n".join(notice.output[-_LINES_SHOWN:])
    output = f'<pre style="background:#f4f4f5;padding:8px;white-space:pre-wrap">{_safe(shows)}</pre>' if shows else ""
    buttons = " ".join(_link(each.text, each.url, _BUTTON) for each in notice.links if each.act)
    acts = f"<p>{buttons}</p>" if buttons else ""
    links = " · ".join(_link(each.text, each.url) for each in notice.links if not each.act)
    why = f'<p style="white-space:pre-wrap">{escape(_why(notice))}</p>'
    return f"{_html_brief(notice)}{why}{acts}<table>{facts}</table>{output}<p>{links}</p>"


def _link(text: str, url: str, style: str = "") -> str:
    styled = f' style="{style}"' if style else ""
    return f'<a href="{escape(url)}"{styled}>{_safe(text)}</a>'


def _safe(text: str) -> str:
    return escape(shown(text))
