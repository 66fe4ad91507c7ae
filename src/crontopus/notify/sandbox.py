"""Templates that others write, rendered so that none does harm, stalls or fills the memory, whatever it says.

The language is a part of Jinja's: values, conditions, loops over what is there, and the filters of this module. There
are no calls, no macros, nothing from elsewhere and no attribute of Python, so that only `for` repeats anything. What is
left is bounded by counting, not by the clock: a loop pays for each pass over all that stands in it before it begins,
what makes text pays for its length, and no text grows beyond `LONGEST`. Lists in a template hold constants alone: of
others, some that hold each other could be built, and to compare these takes for ever.
"""

import html
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from types import CodeType, TracebackType
from typing import Any
from urllib.parse import quote

import msgspec
from jinja2 import Template, TemplateSyntaxError, Undefined, nodes, pass_context
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from crontopus.domain.text import escaped
from crontopus.notify.words import cut

LONGEST_TEMPLATE = 8000
LONGEST = 32_768
"""Characters of any text that a template makes, and of all that comes out."""
STEPS = 20_000
"""That rendering may take."""
_STEP = 64
"""Characters that are made in one."""
_BIGGEST = 10**15
PARTS, _DEEPEST, _LOOPS = 500, 60, 6
"""How many things may stand in a template, how deep in each other, and loops: to compile more takes long, and Python
does it in one go, while all else waits.
"""
_COSTLY: dict[type[nodes.Node], int] = {nodes.Compare: 50, nodes.Test: 50, nodes.Filter: 10}
"""Steps of what looks at a whole text; all else takes one."""
_LANGUAGE = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.List, nodes.Tuple),
    *(nodes.Dict, nodes.Pair, nodes.CondExpr, nodes.Filter, nodes.Test, nodes.Getattr, nodes.Getitem, nodes.Slice),
    *(nodes.Concat, nodes.Compare, nodes.Operand, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv),
    *(nodes.Mod, nodes.Neg, nodes.Pos, nodes.Not, nodes.And, nodes.Or, nodes.For, nodes.If, nodes.Assign),
    nodes.Keyword,
)
_LITERALS = (nodes.Const, nodes.Pair, nodes.List, nodes.Tuple, nodes.Dict, nodes.Neg)
_OF_A_LOOP = frozenset({"index", "index0", "revindex", "revindex0", "first", "last", "length"})
_TESTS = ("defined", "undefined", "none", "string", "number", "odd", "even", "in")
_EACH = "each of"
"""The filter that a loop pays by: nobody can write its name."""
_SUMS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "//": lambda left, right: left // right,
    "%": lambda left, right: left % right,
}


_TOO_DEEP = "this is nested too deeply"
_TOO_BIG = f"numbers are at most {_BIGGEST:,}"


class Faulty(Exception):
    """What is wrong with a template, in a sentence, and in which of its lines; 0: in none of them."""

    def __init__(self, why: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {why}" if line else why)


class _Refused(Exception):
    """While it is rendered: the text says why."""


def rendered(source: str, values: Mapping[str, Any]) -> str:
    """`values` are plain: text, numbers, lists and mappings of these. Raises Faulty, soon. To be called in a thread."""
    code = _compiled(source, tuple(sorted(values)))
    sandbox = _Sandbox()
    template = sandbox.template_class.from_code(sandbox, code, {})
    try:
        return "".join(_bounded(template.root_render_func(template.new_context(dict(values)))))
    except RecursionError:
        raise Faulty(_TOO_DEEP) from None
    except Exception as error:  # whatever it is, the template has caused it
        raise Faulty(_said(error), _line(template, error.__traceback__)) from error


def _bounded(pieces: Iterable[str]) -> Iterator[str]:
    room = LONGEST
    for piece in pieces:
        room -= len(piece)
        if room < 0:
            raise _Refused(f"more than {LONGEST:,} characters come out")
        yield piece


def _said(error: Exception) -> str:
    if isinstance(error, ZeroDivisionError):
        return "this divides by zero"
    return re.sub(r"^\S+\(\) ", "the filter ", str(error)) if isinstance(error, TypeError) else str(error)


def _line(template: Template, trace: TracebackType | None) -> int:
    """Where it stopped."""
    found = 0
    while trace is not None:
        if trace.tb_frame.f_globals.get("__jinja_template__") is template:
            found = template.get_corresponding_lineno(trace.tb_lineno)
        trace = trace.tb_next
    return found


# ---- what may stand in a template


@lru_cache(maxsize=64)
def _compiled(source: str, names: tuple[str, ...]) -> CodeType:
    if len(source) > LONGEST_TEMPLATE:
        raise Faulty(f"it is longer than {LONGEST_TEMPLATE:,} characters")
    sandbox = _Sandbox()
    try:
        tree = sandbox.parse(source)
        _require_harmless(tree, frozenset(names))
        return sandbox.compile(_Paying().visit(tree))
    except TemplateSyntaxError as error:
        raise Faulty(_sentence(error.message or "this is no template"), error.lineno) from None
    except (SyntaxError, RecursionError, MemoryError):
        raise Faulty(_TOO_DEEP) from None
    except ValueError:
        raise Faulty(_TOO_BIG) from None


def _sentence(message: str) -> str:
    return f"{message[:1].lower()}{message[1:].rstrip('.')}"


def _require_harmless(tree: nodes.Template, names: frozenset[str]) -> None:
    _require_small(tree)
    found = list(_all_of(tree))
    made = {node.name for node in found if isinstance(node, nodes.Name) and node.ctx == "store"}
    for node in found:
        if why := _wrong(node, names | made | {"loop"}, names):
            raise Faulty(why, node.lineno)


def _require_small(tree: nodes.Template) -> None:
    waiting: list[tuple[nodes.Node, int, int]] = [(tree, 0, 0)]
    parts = 0
    while waiting:
        node, depth, loops = waiting.pop()
        parts += 1
        loops += int(isinstance(node, nodes.For))
        if depth > _DEEPEST or loops > _LOOPS:
            raise Faulty(_TOO_DEEP, node.lineno)
        if parts > PARTS:
            raise Faulty(f"it has more than {PARTS} parts")
        waiting += [(each, depth + 1, loops) for each in node.iter_child_nodes()]


def _wrong(node: nodes.Node, known: Iterable[str], names: Iterable[str]) -> str:
    match node:
        case nodes.Call():
            return "nothing can be called here"
        case nodes.For(recursive=True):
            return "a loop cannot call itself"
        case nodes.Name(name=name) if name not in known:
            return f"there is no {name!r}: there are {', '.join(sorted(names))}"
        case nodes.Filter(name=name) if name not in FILTERS:
            return f"there is no filter {name!r}: there are {', '.join(sorted(FILTERS))}"
        case nodes.Test(name=name) if name not in _TESTS:
            return f"there is no test {name!r}: there are {', '.join(sorted(_TESTS))}"
        case nodes.Const(value=int() | float() as value) if not abs(value) <= _BIGGEST:
            return _TOO_BIG
        case nodes.List() | nodes.Dict() | nodes.Tuple(ctx="load") if not _is_constant(node):
            return "a list holds constants alone here"
        case _ if not isinstance(node, _LANGUAGE):
            return f"there is no {type(node).__name__.lower()} here"
    return ""


def _is_constant(node: nodes.Node) -> bool:
    return all(isinstance(each, _LITERALS) for each in _all_of(node))


def _all_of(node: nodes.Node) -> Iterator[nodes.Node]:
    """It and what is in it, however deep."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        waiting += reversed(list(found.iter_child_nodes()))


class _Paying(NodeTransformer):
    """Makes loops pay for their passes, and what joins texts for their length."""

    def visit_For(self, node: nodes.For) -> nodes.For:
        cost = nodes.Const(sum(_COSTLY.get(type(each), 1) for each in _all_of(node)))
        self.generic_visit(node)
        node.iter = _filtered(node.iter, _EACH, cost)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:
        self.generic_visit(node)
        return _filtered(nodes.List(node.nodes, lineno=node.lineno), "join")


def _filtered(node: nodes.Node, name: str, *arguments: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(node, name, list(arguments), [], None, None, lineno=node.lineno)


# ---- what happens when it is rendered


class _Sandbox(ImmutableSandboxedEnvironment):
    """For one rendering: it counts the steps of that."""

    intercepted_binops = frozenset(_SUMS)

    def __init__(self) -> None:
        @pass_context  # so that nothing is evaluated before it is rendered
        def shown(_: Context, value: Any) -> str:
            return str(self._counted(text, value))

        super().__init__(optimized=False, finalize=shown, trim_blocks=True, lstrip_blocks=True)
        self._left = STEPS
        self.globals = {}
        self.filters = {name: partial(self._counted, made) for name, made in FILTERS.items()}
        self.filters[_EACH] = self._each
        self.tests = {name: test for name, test in self.tests.items() if name in _TESTS}

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, LoopContext) and attribute in _OF_A_LOOP:
            return getattr(obj, attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """What is in a mapping, a list or a text: never an attribute of Python."""
        if isinstance(obj, Mapping | list | tuple | str):
            try:
                return obj[argument]
            except (LookupError, TypeError):
                pass
        return self.undefined(obj=obj, name=str(argument)[:100])

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return self._counted(_joined, (left, right))
        if not (isinstance(left, int | float) and isinstance(right, int | float)):
            raise _Refused(f"{operator} takes two numbers" + (", or two texts" if operator == "+" else ""))
        result = _SUMS[operator](left, right)
        if abs(result) > _BIGGEST:
            raise _Refused(_TOO_BIG)
        return result

    def _counted(self, make: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        made = make(*arguments, **named)
        self._pay(1 + _length(made) // _STEP)
        return made

    def _each(self, value: Any, cost: int) -> Sequence[Any]:
        if not isinstance(value, list | tuple | Mapping):
            raise _Refused("only what is in a list can be gone through")
        self._pay(cost * len(value))
        return list(value)

    def _pay(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise _Refused(f"it takes more than {STEPS:,} steps")


def _length(value: Any) -> int:
    """Characters of it, with those in what it holds. Raises _Refused where they are too many."""
    length = _total(value)
    if length > LONGEST:
        raise _Refused(f"this makes more than {LONGEST:,} characters")
    return length


def _total(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return sum(_total(key) + _total(each) for key, each in value.items())
    return sum(map(_total, value)) if isinstance(value, list | tuple) else 1


# ---- filters: what each makes is not much longer than what it is given, or it is measured before


def text(value: Any) -> str:
    """As it is shown: of a list what is in it, of what there is not nothing."""
    match value:
        case None | Undefined():
            return ""
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case list() | tuple():
            return ", ".join(map(text, value))
        case Mapping():
            return ", ".join(f"{text(name)}={text(each)}" for name, each in value.items())
    raise _Refused("this cannot be shown")


def _joined(values: Any, between: str = "") -> str:
    if not isinstance(values, list | tuple | Mapping):
        raise _Refused("only what is in a list can be joined")
    parts = [text(each) for each in values]
    _require_room(sum(map(len, parts)) + len(text(between)) * len(parts))
    return text(between).join(parts)


def _replaced(value: Any, old: str, new: str) -> str:
    given, old, new = text(value), text(old), text(new)
    _require_room(len(given) + given.count(old) * len(new))
    return given.replace(old, new)


def _require_room(length: int) -> None:
    if length > LONGEST:
        raise _Refused(f"this makes more than {LONGEST:,} characters")


def _or_else(value: Any, other: Any = "", empty: bool = True) -> Any:
    """Whatever `empty` says, which Jinja has: of what there is not, nothing is empty here."""
    return value if value or value == 0 else other


def _items(value: Any) -> list[tuple[Any, Any]]:
    if not isinstance(value, Mapping):
        raise _Refused("only names with values have items")
    return list(value.items())


def _many(value: Any) -> int:
    if not isinstance(value, str | list | tuple | Mapping):
        raise _Refused("only a text or a list has a length")
    return len(value)


def _at(place: int, value: Any) -> Any:
    return value[place] if isinstance(value, str | list | tuple) and value else ""


def _as_json(value: Any) -> str:
    """On which a terminal, a page or a reader cannot stumble."""
    _require_room(_total(value))
    return escaped(msgspec.json.encode(None if isinstance(value, Undefined) else value).decode())


FILTERS: dict[str, Callable[..., Any]] = {
    "capitalize": lambda value: text(value).capitalize(),
    "default": _or_else,
    "escape": lambda value: html.escape(text(value)),
    "first": partial(_at, 0),
    "int": lambda value: int(float(text(value) or 0)),
    "items": _items,
    "join": _joined,
    "last": partial(_at, -1),
    "length": _many,
    "lines": lambda value: text(value).splitlines(),
    "lower": lambda value: text(value).lower(),
    "replace": _replaced,
    "round": lambda value, digits=0: round(float(text(value) or 0), min(max(int(digits), 0), 15)),
    "tojson": _as_json,
    "trim": lambda value: text(value).strip(),
    "truncate": lambda value, most=100: cut(text(value), int(most)),
    "upper": lambda value: text(value).upper(),
    "urlencode": lambda value: quote(text(value), safe=""),
}
"""By what a template changes a value."""
