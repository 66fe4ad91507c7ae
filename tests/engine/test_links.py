"""Links in messages: for what they are good, for how long, and under which key."""

from datetime import timedelta
from uuid import UUID

import pytest

from crontopus.domain.errors import NotFound
from crontopus.engine.links import WORTH, Links, Purpose
from crontopus.storage.sealing import Sealer
from tests.world import BASE, BEGINNING

OLD, NEW = b"o" * 32, b"n" * 32
TENANT, ALERT, CHANNEL = UUID(int=7), UUID(int=8), UUID(int=9)
LINKS = Links(Sealer(OLD), BASE)


def acting() -> str:
    return LINKS.acting(TENANT, ALERT, CHANNEL, BEGINNING).code


def test_a_link_is_for_one_alert_and_one_channel() -> None:
    found = LINKS.opened(acting(), Purpose.ALERT, BEGINNING)
    assert (found.tenant, found.row, found.channel) == (TENANT, ALERT, CHANNEL)


def test_both_links_of_a_message_open_with_one_code_which_is_short() -> None:
    pages = LINKS.acting(TENANT, ALERT, CHANNEL, BEGINNING)
    assert pages.acknowledge == f"{BASE}/alert-link/acknowledge?code={pages.code}"
    assert pages.silence == f"{BASE}/alert-link/silence?code={pages.code}"
    assert len(pages.code) < 140


def test_a_link_ends_after_seven_days() -> None:
    code = acting()
    LINKS.opened(code, Purpose.ALERT, BEGINNING + WORTH - timedelta(seconds=1))
    with pytest.raises(NotFound, match="it worked for seven days"):
        LINKS.opened(code, Purpose.ALERT, BEGINNING + WORTH)


def test_what_puts_an_end_to_mail_does_not_end() -> None:
    code = LINKS.unsubscribe(TENANT, CHANNEL).partition("code=")[2]
    assert LINKS.opened(code, Purpose.UNSUBSCRIBE, BEGINNING + timedelta(days=4000)).row == CHANNEL


def test_no_link_is_good_for_something_else() -> None:
    way_out = LINKS.unsubscribe(TENANT, CHANNEL).partition("code=")[2]
    for code, purpose in ((way_out, Purpose.ALERT), (acting(), Purpose.UNSUBSCRIBE)):
        with pytest.raises(NotFound, match="not whole"):
            LINKS.opened(code, purpose, BEGINNING)


def test_no_character_of_a_link_can_be_another() -> None:
    code = acting()
    for place, character in enumerate(code):
        other = f"{code[:place]}{'A' if character != 'A' else 'B'}{code[place + 1 :]}"
        if place < len(code) - 1:  # of the last, some bits mean nothing
            with pytest.raises(NotFound, match="not whole"):
                LINKS.opened(other, Purpose.ALERT, BEGINNING)


@pytest.mark.parametrize("code", ["", "x", "ä", "AAAA", "A" * 500, acting()[:-4], acting() * 2, "%00", "\x00"])
def test_what_is_no_link_is_told_so(code: str) -> None:
    with pytest.raises(NotFound, match="not whole"):
        LINKS.opened(code, Purpose.ALERT, BEGINNING)


def test_with_a_new_key_nobody_acts_any_more_and_mail_can_still_be_ended() -> None:
    after = Links(Sealer(NEW, OLD), BASE)
    with pytest.raises(NotFound, match="another secret key"):
        after.opened(acting(), Purpose.ALERT, BEGINNING)
    assert after.opened(LINKS.unsubscribe(TENANT, CHANNEL).partition("code=")[2], Purpose.UNSUBSCRIBE, BEGINNING)
    with pytest.raises(NotFound, match="not whole"):
        Links(Sealer(NEW), BASE).opened(acting(), Purpose.ALERT, BEGINNING)
