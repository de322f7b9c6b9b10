"""An option: one annotated field of a group, and what groups of them make of the keywords that were given."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, wraps
from math import isfinite
from numbers import Integral, Real
from os import PathLike
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, ParamSpec, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from geoscope.errors import GeoscopeError
from geoscope.settings.docstrings import with_options
from geoscope.wording import meant

P = ParamSpec("P")
T = TypeVar("T")

LARGEST = 2**62
"""Of whole numbers: libraries hold them in 64 bits, and what is counted on from a seed is to fit too."""

_YES_OR_NO = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


@dataclass(frozen=True)
class Option:
    """What an option is, beside its name and type, which are those of the field it annotates.

    default: what it is where it is not given. panel: under which heading help lists it. flags: how it is written, if
    not as its name. shown: the default in words, where its value says little. least, most: the range. parse: what a
    text means, on the command line and in the library alike. repeated: may be given several times; a lone text is one.
    told: where a report says it ("settings.tokens"). of_text: means something only where text is read. drawn: has its
    effect while rows are drawn or read, and none on rows that there are. rounds: changes no number beyond rounding.
    written: names a file or folder that is written. typed: whether the command line has it. takes: what Python takes,
    where the type says less. words: what it may be among other things, for shells to complete. often: how much it is
    asked for; short help lists a command's ten of the most. around: what the whole of a run stands in while it has its
    value. trusts: it lets in what could run code, so that only whoever runs geoscope turns it on, and no file of a
    project.
    """

    default: Any
    help: str = ""
    panel: str | None = None
    flags: tuple[str, ...] = ()
    metavar: str | None = None
    shown: str | None = None
    least: float | None = None
    most: float | None = None
    parse: Callable[[str], Any] | None = None
    repeated: bool = False
    told: str | None = None
    of_text: bool = False
    drawn: bool = False
    rounds: bool = False
    written: bool = False
    typed: bool = True
    words: Sequence[str] = ()
    often: int = 0
    takes: str | None = None
    around: Callable[[Any], AbstractContextManager[None]] | None = None
    trusts: bool = False


@dataclass(frozen=True)
class Field:
    """An option with its name and type."""

    name: str
    type: Any
    option: Option

    @property
    def flag(self) -> str:
        """How it is written on the command line, the long way."""
        return self.option.flags[0].partition("/")[0] if self.option.flags else "--" + self.name.replace("_", "-")

    @property
    def key(self) -> str:
        """What it is called in a configuration file."""
        return self.flag.removeprefix("--")

    @property
    def words(self) -> tuple[str, ...]:
        """What a shell may complete its value to."""
        return self.choices or tuple(self.option.words)

    @property
    def metavar(self) -> str:
        """What stands for its value in help; "" for a flag."""
        return "" if self.is_flag else self.option.metavar or "|".join(self.choices) or self.name.upper()

    @property
    def is_flag(self) -> bool:
        """Whether it is on or off, and has no value of its own."""
        return self.parts == (bool,)

    @property
    def choices(self) -> tuple[str, ...]:
        """The words it may be, if it is one of some."""
        return next((get_args(part) for part in self.parts if get_origin(part) is Literal), ())

    def may_be_read(self, value: Any) -> list[str]:
        """The texts of a value that may name files to be read: all that are no word of the option's own."""
        if self.option.written or self.choices or {str, Any, PathLike}.isdisjoint(_leaves(self.type)):
            return []
        listed = value if isinstance(value, (list, tuple)) else [value]
        return [str(each) for each in listed if isinstance(each, (str, PathLike)) and each not in self.words]

    @property
    def parts(self) -> tuple[Any, ...]:
        """The members of its type, if that is a union."""
        return get_args(self.type) if get_origin(self.type) in (Union, UnionType) else (self.type,)

    def read(self, value: Any) -> Any:
        """The value, a text parsed; raises GeoscopeError where it is none that the option can have."""
        option = self.option
        if isinstance(value, str) and option.parse is not None:
            return option.parse(value)
        if isinstance(value, str) and option.repeated:
            return [value]
        if value is None and (option.default is None or Any in self.parts or NoneType in self.parts):
            return None
        if self.choices and value not in self.choices:
            raise GeoscopeError(
                f"expected {self.flag} to be one of {', '.join(self.choices)}, got {value!r}; "
                f"{meant(str(value), self.choices, 'give one of them')}"
            )
        kinds = set(self.parts) - {str, NoneType}
        if not kinds and not isinstance(value, (str, PathLike)):
            raise GeoscopeError(f"expected {self.flag} to be a text, got {value!r}; give one")
        listed = any(get_origin(part) in (Sequence, Iterable) for part in kinds)
        alone = [Real if part is float else part for part in kinds if isinstance(part, type)]
        if listed and not isinstance(value, (Iterable, PathLike, *alone)):
            raise GeoscopeError(f"expected {self.flag} to be a list, got {value!r}; give one")
        return self._number(value, kinds.pop()) if kinds in ({int}, {float}, {bool}) else value

    def texts(self, value: Any) -> list[str]:
        """A value as it is typed: one text, or several of an option that is repeated."""
        if self.is_flag:
            return ["yes" if value else "no"]
        listed = value if isinstance(value, (list, tuple)) else [value]
        words = ["all" if each is None else f"{each:g}" if isinstance(each, float) else str(each) for each in listed]
        return words if self.option.repeated else [",".join(words)]

    def read_text(self, given: str | bool | Sequence[str]) -> Any:
        """The value of what was typed: a text, several of an option that is repeated, or whether a flag is on."""
        option = self.option
        if option.repeated:
            texts = [given] if isinstance(given, str) else list(cast(Sequence[str], given))
            return texts if option.parse is None else [each for text in texts for each in option.parse(text)]
        return self.read(given if option.parse is not None else self._number_of(given))

    def read_file(self, value: Any) -> Any:
        """The value of what stands in a configuration file, where numbers and lists are none of text."""
        listed = isinstance(value, list) and all(isinstance(each, str) for each in value)
        if listed and not self.option.repeated and self.option.parse is not None:
            return self.read_text(",".join(value))
        return self.read_text(value) if listed or isinstance(value, str) else self.read(value)

    def _number_of(self, given: Any) -> Any:
        """A text as the number or the yes or no that it is, if the option is one; else the text."""
        kinds = set(self.parts) - {NoneType}
        if not isinstance(given, str) or kinds - {int, float, bool}:
            return given
        if bool in kinds:
            return _YES_OR_NO.get(given.strip().lower(), given)
        try:
            number = int(given) if int in kinds else float(given)
        except ValueError:
            return given
        return number if isinstance(number, int) or isfinite(number) else given

    def _number(self, value: Any, kind: type) -> Any:
        """The value as an int, float or bool, as the type has it."""
        abstract, words = {int: (Integral, "a whole number"), float: (Real, "a number"), bool: (bool, "True or False")}[
            kind
        ]
        if isinstance(value, str) and str in self.parts:  # read by whoever it is for
            return value
        least, most = self.option.least, self.option.most
        if hasattr(value, "item") and not getattr(value, "shape", ()):  # numpy's
            value = value.item()
        if kind is int and isinstance(value, float) and value.is_integer():  # 1e4
            value = int(value)
        right = isinstance(value, abstract) and (kind is bool or not isinstance(value, bool))
        if right and kind is float and abs(value) > sys.float_info.max:
            right = False  # an int that no float holds, or infinity
        if right and kind is int and value > LARGEST:
            raise GeoscopeError(
                f"expected {self.flag} to be {words} of at most 2^62, got a larger one; give a smaller one"
            )
        if right and (least is None or value >= least) and (most is None or value <= most):
            return kind(value)
        bounds = [f"at least {least:g}"] if least is not None else []
        bounds += [f"at most {most:,}" if kind is int else f"at most {most:g}"] if most is not None else []
        told = f" of {' and '.join(bounds)}" if bounds else ""
        raise GeoscopeError(f"expected {self.flag} to be {words}{told}, got {value!r}; give one")


def _leaves(kind: Any) -> set[Any]:
    """The types that a type is made of."""
    return {leaf for part in get_args(kind) for leaf in _leaves(part)} or {kind}


def fields_of(group: Any) -> Mapping[str, Field]:
    """The fields of a group (a TypedDict) by name, in the order they are written in."""
    return _fields_of(group)


@cache
def _fields_of(group: Hashable) -> Mapping[str, Field]:
    found = {}
    for name, hint in get_type_hints(group, include_extras=True).items():
        kind, option = get_args(hint) if get_origin(hint) is Annotated else (hint, None)
        if isinstance(option, Option):
            found[name] = Field(name, kind, option)
    return found


def default_of(group: Any, name: str) -> Any:
    """What an option of the group is where it is not given."""
    return fields_of(group)[name].option.default


def choices_of(group: Any, name: str) -> tuple[str, ...]:
    """The words that an option of the group may be."""
    return fields_of(group)[name].choices


def read(group: type[T], given: Mapping[str, Any]) -> T:
    """The keywords that were given, each as its option reads it; raises GeoscopeError for a name that is no option."""
    fields = fields_of(group)
    for name in given:
        if name not in fields:
            otherwise = f"the options are {', '.join(fields)}"
            raise GeoscopeError(f"expected an option, got {name!r}; {meant(name, fields, otherwise)}")
    return cast(T, {name: fields[name].read(value) for name, value in given.items()})


def completed(group: type[T], given: Mapping[str, Any]) -> T:
    """Every option of the group: as given, else its default."""
    defaults = {name: field.option.default for name, field in fields_of(group).items()}
    return cast(T, {**defaults, **{name: given[name] for name in defaults if name in given}})


def part(group: type[T], given: Mapping[str, Any]) -> T:
    """Those of the given options that the group has."""
    return cast(T, {name: value for name, value in given.items() if name in fields_of(group)})


def numbers(group: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every option of the group that changes a number: as given, else its default."""
    return without(
        cast(dict[str, Any], completed(group, given)), names(group, lambda each: each.rounds or not each.typed)
    )


def names(group: type, which: Callable[[Option], bool]) -> frozenset[str]:
    """The names of a group's options of some kind."""
    return frozenset(name for name, field in fields_of(group).items() if which(field.option))


def without(given: Mapping[str, Any], left_out: Iterable[str]) -> dict[str, Any]:
    """The given options but some."""
    out = frozenset(left_out)
    return {name: value for name, value in given.items() if name not in out}


@contextmanager
def standing_in(fields: Mapping[str, Field], given: Mapping[str, Any]) -> Iterator[None]:
    """What a run of the given options stands in, from before anything that they concern is loaded."""
    with ExitStack() as stack:
        for name, value in given.items():
            around = fields[name].option.around if name in fields else None
            if around is not None:
                stack.enter_context(around(value))
        yield


def takes(group: type) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let a function of `**options: Unpack[group]` be called with any of them: it gets each as its option reads it.

    Its signature, which help and editors show, has every option with its default; and its docstring, what each means.
    """

    def decorated(function: Callable[P, T]) -> Callable[P, T]:
        own = list(inspect.signature(function).parameters.values())[:-1]

        @wraps(function)
        def run(*args: P.args, **keywords: P.kwargs) -> T:
            named = {each.name for each in own}
            if len(args) > len(own) and all(each.kind is not each.VAR_POSITIONAL for each in own):
                raise GeoscopeError(
                    f"expected {len(own)} value{'s' * (len(own) != 1)} without a name, got {len(args)}; options are "
                    "given by name, such as tokenizer=tokenizer"
                )
            mine = {name: value for name, value in keywords.items() if name in named}
            options = read(group, without(keywords, named))  # type: ignore[var-annotated]
            with standing_in(fields_of(group), options):
                return function(*args, **mine, **options)  # type: ignore[arg-type]

        spread = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=field.option.default, annotation=field.type)
            for name, field in fields_of(group).items()
        ]
        signature = inspect.signature(function)
        cast(Any, run).__signature__ = signature.replace(parameters=[*own, *spread])
        run.__doc__ = with_options(function.__doc__, fields_of(group))
        return run

    return decorated
