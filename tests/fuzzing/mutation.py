"""Mutation: right inputs made wrong, as a seed says: bytes, texts of a grammar, and the nodes of JSON."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from random import Random
from typing import Any

PIECES = (
    b"\0",
    b"\xff",
    b"\xfe\xff",
    b"\xef\xbb\xbf",
    b"\n",
    b"\r\n",
    b"\r",
    b'"',
    b"'",
    b",",
    b";",
    b"\t",
    b"[",
    b"]",
    b"{",
    b"}",
    b":",
    b"-",
    b"+",
    b"1e999",
    b"1e308",
    b"-1",
    b"0",
    b"NaN",
    b"Infinity",
    b"nan",
    b"inf",
    b"null",
    b"true",
    b"9" * 30,
    b"9" * 5000,
    b"18446744073709551616",
    b"0x1",
    b"1_0",
    b" ",
    b"\xc2\xa0",
    b"\xd9\xa1",
    b"\\ud800",
    b"\\u0000",
    b"\xed\xa0\x80",
    b"[" * 2000,
    b"layer-01",
    b"@",
    b"%",
    b"<",
    b">=",
    b"=",
    b"..",
    b"/",
    b"~",
    b"\x1b[31m",
    b"\xe2\x80\xae",
    b"__class__",
    b"schema_version",
)
"""What is put in somewhere."""

VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    2,
    2**31,
    2**63,
    2**64,
    -(2**63),
    10**40,
    10**400,
    0.5,
    -0.0,
    1e308,
    -1e308,
    5e-324,
    "",
    "0",
    "nan",
    "x",
    "\ud800",
    "\0",
    "\x1b[31m",
    "\u202e",
    "a" * 3000,
    [],
    [[]],
    {},
    {"": {}},
    [None],
    [0] * 50,
    ["a", 1, None],
    {"a": [1]},
    "1e999",
    "layer-01",
    "../x",
    "1",
    "2",
    "report",
    "check",
)
"""What a node of JSON is replaced by."""


def changed_bytes(data: bytes, random: Random, others: Sequence[bytes] = ()) -> bytes:
    """The data after one to six changes of bytes: put in, cut out, doubled, overwritten, joined to another's end."""
    made = bytearray(data)
    for _ in range(random.randint(1, 6)):
        start = random.randint(0, len(made))
        end = min(
            len(made), start + (random.randint(0, 4) if random.random() < 0.7 else random.randint(0, len(made) + 1))
        )
        way = random.randrange(6)
        if way == 0:
            made[start:start] = random.choice(PIECES)
        elif way == 1:
            del made[start:end]
        elif way == 2:
            made[start:start] = made[start:end][:4096]
        elif way == 3:
            made[start:end] = random.choice(PIECES)
        elif way == 4 and start < len(made):
            made[start] = random.randrange(256)
        elif others:
            other = random.choice(others)
            made[start:] = other[random.randint(0, len(other)) :]
    return bytes(made[: 1 << 16])


def changed_text(seeds: Sequence[str], random: Random, words: Sequence[str]) -> str:
    """A text of a grammar: words of it in any order, or a right one with some changed."""
    if random.random() < 0.4:
        return "".join(random.choice(words) for _ in range(random.randint(0, 9)))
    made = random.choice(seeds)
    for _ in range(random.randint(0, 4)):
        start = random.randint(0, len(made))
        end = min(len(made), start + random.randint(0, 3))
        put = (
            random.choice(words)
            if random.random() < 0.6
            else chr(random.choice((random.randrange(128), random.randrange(0xD800), 0x202E, 0x661, 0xD800)))
        )
        made = made[:start] + put + made[end:]
    return made


def changed_json(content: Any, random: Random) -> Any:
    """The content with one to four nodes replaced, removed, doubled, renamed or exchanged."""
    made = copy.deepcopy(content)
    for _ in range(random.randint(1, 4)):
        places = list(_places(made))
        if not places:
            return random.choice(VALUES)
        holder, key = random.choice(places)
        way = random.randrange(6)
        if way <= 2:
            holder[key] = copy.deepcopy(random.choice(VALUES))
        elif way == 3:
            del holder[key]
        elif way == 4 and isinstance(holder, list):
            holder.insert(random.randint(0, len(holder)), copy.deepcopy(holder[key]))
        elif way == 4:
            holder[random.choice(("", "layer", "kind", "a" * 50, "\ud800", str(key).upper()))] = holder.pop(key)
        else:
            other, place = random.choice(places)
            if key in range(len(holder)) if isinstance(holder, list) else key in holder:
                holder[key] = copy.deepcopy(other[place]) if _has(other, place) else None
    return made


def json_bytes(content: Any) -> bytes:
    """JSON as it may be written: NaN and halves of characters too."""
    return json.dumps(content).encode()


def _places(content: Any) -> Any:
    if isinstance(content, dict):
        for key, value in content.items():
            yield content, key
            yield from _places(value)
    elif isinstance(content, list):
        for place, value in enumerate(content):
            yield content, place
            yield from _places(value)


def _has(holder: Any, key: Any) -> bool:
    return key < len(holder) if isinstance(holder, list) else key in holder
