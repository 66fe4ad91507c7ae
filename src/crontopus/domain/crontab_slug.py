"""A job's name from its command: what a person would call `cd /srv && /usr/bin/python3 backup.py --all >> log`."""

import re
from collections.abc import Collection, Iterator
from itertools import count

from crontopus.domain.ids import is_slug, slug_of

_WORD = re.compile(r"""(?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+""", re.DOTALL)
_BREAK = re.compile(r"&&|\|\||[;|&\n]")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=", re.ASCII)
_NAME = re.compile(r"[A-Za-z]\w*(?:[.:-]\w+)*", re.ASCII)
_SUFFIX = re.compile(r"\.(?:sh|bash|py|pl|rb|php|js|mjs|jar|ps1)$")

_PRELUDES = frozenset({"cd", "test", "[", "[[", "command", "export", "set", "source", ".", "sleep", "true", "umask"})
_CARRIERS = frozenset(
    {"sudo", "doas", "su", "runuser", "env", "exec", "nice", "ionice", "nohup", "setsid", "stdbuf", "chronic"}
    | {"time", "timeout", "flock"}
)
_INTERPRETERS = re.compile(r"(?:python|perl|ruby|node|php|bash|sh|dash|zsh|ksh|java)[\d.]*", re.ASCII)
_LONGEST_SECOND = 40
_ENOUGH = 1000  # characters; cron takes no longer command


def suggest_slug(command: str, taken: Collection[str] = ()) -> str:
    """A slug for the job that `command` is: its program and what it is told to do, and a number where that is taken."""
    slug = (
        next((slug for words in _simple(command[:_ENOUGH]) if (slug := slug_of("-".join(_names(words))))), "") or "job"
    )
    tries = (slug if number == 1 else f"{slug[:95]}-{number}" for number in count(1))
    return next(one for one in tries if one not in taken and is_slug(one))


def _simple(command: str) -> Iterator[list[str]]:
    """The words of each simple command that does the work: without changes of folder, tests and assignments."""
    for piece in _BREAK.split(re.sub(r"[0-9&]*>+\s*\S+|\d*>&\d", " ", command)):
        words = _carried([word.strip("'\"(){}") for word in _WORD.findall(piece)])
        if words and words[0] not in _PRELUDES:
            yield words


def _carried(words: list[str]) -> list[str]:
    """What is left when what only carries a command (sudo, nice, flock …) is taken off its front, with its options."""
    carried = False
    while words and (not words[0] or words[0].rpartition("/")[2] in _CARRIERS or _ASSIGNMENT.match(words[0])):
        carried = carried or not _ASSIGNMENT.match(words[0])
        words = words[1:]
        while carried and len(words) > 1 and _is_argument_of_carrier(words[0]):
            words = words[2:] if words[0] in ("-u", "-g") else words[1:]
    return words


def _is_argument_of_carrier(word: str) -> bool:
    """An option, a number or duration, or a lock's file."""
    return word.startswith("-") or re.fullmatch(r"\d+[smhd]?", word) is not None or word.endswith((".lock", ".lck"))


def _names(words: list[str]) -> list[str]:
    """The program and the first argument that is a name; for an interpreter, what it interprets."""
    program, arguments = _stem(words[0]), [word for word in words[1:] if word and not word.startswith("-")]
    if arguments and _INTERPRETERS.fullmatch(program):
        return _names(arguments) if arguments[0].strip("./") else arguments
    told = next((_stem(word) for word in arguments[:1] if _NAME.fullmatch(word) or "/" in word), "")
    return [program, told] if told and len(told) <= _LONGEST_SECOND and not program.endswith(told) else [program]


def _stem(word: str) -> str:
    return _SUFFIX.sub("", word.rstrip("/").rpartition("/")[2])
