"""Templates that others write: what they can say, and how soon those end that would stall or fill the memory."""

import resource
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import nodes

from crontopus.notify import sandbox
from crontopus.notify.sandbox import FILTERS, LONGEST, Faulty, rendered

VALUES: dict[str, Any] = {
    "title": 'a "quoted" <b>',
    "state": "DOWN",
    "class": "failed",
    "exit_code": 3,
    "nothing": None,
    "over": False,
    "tags": ["db", "prod"],
    "labels": {"team": "storage", "items": "of a dict"},
    "links": [{"text": "The run", "url": "https://example.org/1"}],
    "output": "one\ntwo",
    "long": "a" * 32_000,
    "many": [str(number) for number in range(100)],
}
SOON = 2.0
"""Seconds, on a machine that is busy; most take a hundredth of it."""


def said(source: str) -> str:
    return rendered(source, VALUES)


def fault(source: str) -> str:
    with pytest.raises(Faulty) as refused:
        said(source)
    return str(refused.value)


@pytest.mark.parametrize(
    ("source", "out"),
    [
        ("{{ state }}: {{ title }}", 'DOWN: a "quoted" <b>'),
        ("{{ class | upper }}{# a remark #}", "FAILED"),
        ("{% if over %}well{% elif exit_code == 3 %}{{ exit_code + 1 }}{% else %}ill{% endif %}", "4"),
        ("{% for a in tags %}{{ loop.index }}/{{ loop.length }}{{ ', ' if not loop.last }}{% endfor %}", "1/2, 2/2"),
        ("{% for name, value in labels | items %}{{ name }}={{ value }} {% endfor %}", "team=storage items=of a dict "),
        ("{% for link in links %}{{ link.text }}: {{ link.url }}{% endfor %}", "The run: https://example.org/1"),
        ("{% for each in output | lines if each != 'one' %}> {{ each }}{% endfor %}", "> two"),
        (
            "{{ labels.team }}, {{ labels['team'] }}, {{ labels.nobody }}, {{ tags[0] }}, {{ tags[7] }}",
            "storage, storage, , db, ",
        ),
        ("{{ {'failed': 'P1', 'missed': 'P2'}[class] }}", "P1"),
        ("{% set urgent = class in ['failed', 'missed'] %}{{ urgent }}", "true"),
        ("{{ tags }} {{ labels }} {{ nothing }} {{ over }}", "db, prod team=storage, items=of a dict  false"),
        ("{{ state ~ '/' ~ exit_code }} {{ state + '!' }}", "DOWN/3 DOWN!"),
        ("{{ title | tojson }} {{ tags | tojson }} {{ nothing | tojson }}", '"a \\"quoted\\" <b>" ["db","prod"] null'),
        ("{{ title | escape }} {{ title | urlencode }}", "a &quot;quoted&quot; &lt;b&gt; a%20%22quoted%22%20%3Cb%3E"),
        ("{{ nothing | default('none') }} {{ exit_code | default(1) }} {{ tags | join('+') }}", "none 3 db+prod"),
        ("{{ long | truncate(5) }} {{ tags | length }} {{ tags | first }} {{ tags | last }}", "aaaa… 2 db prod"),
        ("{{ state | lower | capitalize }} {{ state | replace('DO', 'do') }} {{ ' x ' | trim }}", "Down doWN x"),
        ("{{ '7' | int + 1 }} {{ 7.126 | round(2) }} {{ 7 // 2 }} {{ 7 % 2 }} {{ -7 / 2 }}", "8 7.13 3 1 -3.5"),
        (
            "{{ title is defined }} {{ nothing is none }} {{ state is string }} {{ exit_code is odd }}",
            "true true true true",
        ),
        ("{% raw %}{{ no }}{% endraw %}", "{{ no }}"),
        ("tags:\n{% for tag in tags %}\n  - {{ tag }}\n{% endfor %}\nend", "tags:\n  - db\n  - prod\nend"),
        ("{% if over %}well{% else %}ill{% endif +%}\nend", "ill\nend"),
    ],
)
def test_what_a_template_can_say(source: str, out: str) -> None:
    assert said(source) == out


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("{{ title", "line 1: unexpected end of template, expected 'end of print statement'"),
        ("one\n{% if %}", "line 2: expected an expression, got 'end of statement block'"),
        ("one\n\n{{ nobody }}", "line 3: there is no 'nobody': there are class, exit_code, "),
        ("{{ title | shout }}", "line 1: there is no filter 'shout': there are capitalize, default, "),
        ("{{ title is odd or title is fine }}", "line 1: there is no test 'fine': there are "),
        ("one\n{{ 1 / 0 }}", "line 2: this divides by zero"),
        ("one\n\n{{ exit_code + title }}", "line 3: + takes two numbers, or two texts"),
        ("{{ title < 3 }}", "line 1: '<' not supported between"),
        ("{{ title | tojson(indent=4) }}", "line 1: the filter got an unexpected keyword argument 'indent'"),
        ("{{ title | upper(1) }}", "line 1: the filter takes 1 positional argument but 2 were given"),
        ("{% for each in title %}{% endfor %}", "line 1: only what is in a list can be gone through"),
        ("{{ [title, state] }}", "line 1: a list holds constants alone here"),
        ("{{ loop }}{% for each in tags %}{{ loop }}{% endfor %}", "line 1: this cannot be shown"),
        ("{% do 1 %}", "line 1: encountered unknown tag 'do'"),
        ("x" * 8001, "it is longer than 8,000 characters"),
        ("{{ title }}" * 501, "it has more than 500 parts"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(source: str, why: str) -> None:
    assert fault(source).startswith(why)


@pytest.mark.parametrize(
    "source",
    [
        "{{ title.upper() }}",
        "{{ range(3) }}",
        "{{ lipsum() }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ self }}",
        "{{ self.__init__ }}",
        "{{ varargs }}",
        "{{ ''['format']('x') }}",
        "{{ title | attr('upper') }}",
        "{{ title | map('upper') }}",
        "{{ title | format(1) }}",
        "{% set ns = namespace(a=1) %}{{ ns.a }}",
        "{% include 'console/base.html' %}",
        "{% import 'x' as y %}",
        "{% from 'x' import y %}",
        "{% extends 'x' %}",
        "{% block a %}{% endblock %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% call(x) m() %}{% endcall %}",
        "{% filter upper %}x{% endfilter %}",
        "{% set a %}x{% endset %}",
        "{% with a = 1 %}{% endwith %}",
        "{% autoescape true %}{% endautoescape %}",
        "{% for a in tags recursive %}{{ loop(tags) }}{% endfor %}",
    ],
)
def test_nothing_is_called_or_fetched_from_elsewhere(source: str) -> None:
    assert fault(source)


@pytest.mark.parametrize("name", ["__class__", "__init__", "upper", "format", "__dict__", "__mro__"])
def test_no_attribute_of_python_is_seen(name: str) -> None:
    for value in ("title", "tags", "labels", "exit_code", "nothing"):
        assert said(f"{{{{ {value}.{name} }}}}{{{{ {value}['{name}'] }}}}") == ""
    assert said(f"{{% for each in tags %}}{{{{ loop.{name} }}}}{{% endfor %}}") == ""


def test_every_part_of_the_language_is_let_in_by_name() -> None:
    """Whatever Jinja may have one day is not, before somebody has looked at it."""
    assert not {nodes.Call, nodes.Macro, nodes.Pow, nodes.Include, nodes.AssignBlock, nodes.FilterBlock} & {
        *sandbox._LANGUAGE
    }
    assert "attr" not in FILTERS
    assert "format" not in FILTERS


WORDS = (
    *(
        "{{ ",
        " }}",
        "{% if ",
        "{% endif %}",
        "{% for a in ",
        "{% endfor %}",
        "{% set a = ",
        " %}",
        "{# ",
        " #}",
        "{% raw %}",
    ),
    *(
        "title",
        "tags",
        "labels",
        "long",
        "loop",
        "a",
        "1",
        "0",
        "'x'",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        ".",
        "\n",
    ),
    *(
        " + ",
        " ~ ",
        " - ",
        " * ",
        " // ",
        " % ",
        " == ",
        " in ",
        " not ",
        " is ",
        " and ",
        "|join",
        "|tojson",
        "|replace(",
    ),
)


@given(st.lists(st.sampled_from(WORDS), max_size=60).map("".join))
@settings(max_examples=100, deadline=None)
def test_whatever_is_written_is_rendered_or_said_to_be_wrong(source: str) -> None:
    with suppress(Faulty):
        assert len(said(source)) <= LONGEST


LOOPS = "{% for a in many %}" * 6, "{% endfor %}" * 6


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in range(10**9) %}{% for b in range(10**9) %}x{% endfor %}{% endfor %}",
        "{{ 'x' * 10**9 }}",
        "{{ 'x' * 1000000000 }}",
        "{{ tags * 1000000000 }}",
        "{{ 9 ** 9 ** 9 ** 9 }}",
        "{{ 999999999999 * 999999999999 }}",
        "{{ " + "9" * 7900 + " }}",
        "{{ 1e999 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ 'x' | center(1000000000) }}",
        "{{ 'x' | indent(1000000000) }}",
        "{{ long | replace('', long) }}",
        "{{ long | replace('a', 'aa') }}",
        "{{ many | join(long) }}",
        "{{ long ~ long }}",
        "{{ long + long }}",
        "{{ long }}{{ long }}",
        "{% set x = 'xxxxxxxxxx' %}" + "{% set x = x ~ x %}" * 60 + "{{ x }}",
        "{% set x = 'xxxxxxxxxx' %}" + "{% set x = x + x %}" * 60 + "{{ x }}",
        "{% set x = tags %}" + "{% set x = [x, x] %}" * 60 + "{{ x == x }}",
        f"{LOOPS[0]}{LOOPS[1]}",
        f"{LOOPS[0]}x{LOOPS[1]}",
        "{% for a in many %}{% for b in many %}{% for c in many %}x{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in many %}{% for b in many %}" + "x" * 7000 + "{% endfor %}{% endfor %}",
        "{% for a in many %}{% for b in many %}{% if long in long %}{% endif %}{% endfor %}{% endfor %}",
        "{% for a in many %}{% set x = long | upper | lower | upper %}{% endfor %}",
        "{% set x = long | upper | lower | tojson %}" * 180,
        "{% for a in tags %}" * 200 + "{% endfor %}" * 200,
        "{% if over %}" * 300 + "{% endif %}" * 300,
        "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
        "{{ " + "not " * 1900 + "1 }}",
        "{{ " + "-" * 7000 + "1 }}",
        "{{ " + "1 + " * 1900 + "1 }}",
        "{{ title" + " | upper" * 800 + " }}",
        "{{ title" + ".x" * 3000 + " }}",
        "{{ " + "[" * 3000 + "]" * 3000 + " }}",
        "{{ long | round }}",
    ],
)
def test_what_would_never_end_or_fill_the_memory_is_ended_soon(source: str) -> None:
    most, began = _most_memory(), time.perf_counter()
    assert fault(source)
    assert time.perf_counter() - began < SOON
    assert _most_memory() - most < 50_000_000


def _most_memory() -> int:
    """Bytes that this process has ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize(
    "source",
    [
        "{% if long in long %}{% endif %}" * 95,
        "{{ '' if long == long ~ '' }}" * 35,
        "{{ long[1:] | length }}" * 95,
        "{{ title | upper | lower }}" * 160,
        "{% set x = title %}" * 160,
        "{{ title }}" * 480,
        "{% for a in many %}{{ a }}{% if long in title %}{% endif %}{% endfor %}",
    ],
)
def test_what_takes_longest_of_all_that_is_let_through_is_soon_done(source: str) -> None:
    began = time.perf_counter()
    assert len(said(source)) <= LONGEST
    assert time.perf_counter() - began < SOON
