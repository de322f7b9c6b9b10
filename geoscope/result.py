"""A result: what every kind of it has in common. It is JSON that says what kind it is of and reads back."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NoReturn, NotRequired, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from geoscope import __version__, files, presentation
from geoscope.bounds import RESULT_BYTES, read_stream, read_whole
from geoscope.errors import GeoscopeError, NotComparable, first_line
from geoscope.files import json_content, json_text, path_of

if TYPE_CHECKING:
    import pandas

SCHEMA_VERSION: Literal["1"] = "1"


def _from_list(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Interval = Annotated[tuple[float, float], BeforeValidator(_from_list)]
"""Two ends; what is read is held to its types, and JSON has lists for tuples."""


class Part(BaseModel):
    """Of a result: frozen, and hashed by what it holds; NaN and Infinity are refused."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    def __hash__(self) -> int:
        return hash((type(self), _hashable(vars(self)), _hashable(self.model_extra)))


def shaped(shape: type[Any]) -> AfterValidator:
    """Of a mapping that may hold anything: that it has what a TypedDict says; it is kept as it came, in its order."""

    @cache
    def adapter() -> TypeAdapter[Any]:
        return TypeAdapter(shape)

    def check(content: dict[str, Any]) -> dict[str, Any]:
        adapter().validate_python(content, strict=True)
        return content

    return AfterValidator(check)


class Told(TypedDict):
    """Of a subject, beside whatever else a report tells of it."""

    name: str
    architecture: NotRequired[str | None]
    revision: NotRequired[str | None]
    fingerprint: NotRequired[str | None]
    hidden_size: NotRequired[int | None]


TOLD = shaped(Told)


class Text(str):
    """Text that a prompt and a notebook show as it is, not quoted on one line."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _hashable(value: Any) -> Any:
    """What has the same hash wherever the value is equal."""
    if isinstance(value, Mapping):
        return frozenset((key, _hashable(each)) for key, each in value.items())
    return tuple(map(_hashable, value)) if isinstance(value, list | tuple) else value


class Result(Part):
    """What a command found. made_by: what an error says makes one."""

    noun: ClassVar[str]
    made_by: ClassVar[str]

    schema_version: Literal["1"] = Field(default=SCHEMA_VERSION, description="of this layout")
    geoscope_version: str = Field(default=__version__, description="of the program that measured")

    def __repr__(self) -> str:
        """At most six lines: what it is of, what came out, a few of its numbers."""
        return str(presentation().in_lines(self))

    __str__ = __repr__

    def __rich__(self) -> Any:
        from rich.text import Text as Plain

        return Plain(repr(self))

    def __rich_repr__(self) -> Iterator[Any]:
        yield from repr(self).splitlines()

    def _repr_html_(self) -> str:
        """The page's charts, as a notebook shows them; its style touches nothing else."""
        return str(presentation().fragment(self))

    def summary(self) -> Text:
        """The table that the command prints, as wide as the terminal."""
        return Text(presentation().summary(self))

    def to_html(self) -> str:
        """The page that `geoscope report` draws: one file that needs no network and no script."""
        return str(presentation().render(self, "html"))

    def to_csv(self) -> str:
        """Every row with full precision, safe to open in a spreadsheet."""
        return str(presentation().render(self, "csv"))

    def to_markdown(self) -> str:
        """The tables as GitHub's Markdown, with what to be wary of."""
        return str(presentation().render(self, "markdown"))

    def rows(self) -> list[dict[str, Any]]:
        """CSV's rows, each with every column."""
        return list(presentation().rows(self))

    def to_dataframe(self) -> pandas.DataFrame:
        """CSV's rows and columns as a data frame; needs pandas."""
        return presentation().frame(self)

    def plot(self, *names: str, ax: Any = None) -> Any:
        """Draw charts with matplotlib (`pip install 'geoscope[plot]'`).

        Parameters
        ----------
        *names : str
            Which charts, by the names that they have on the page, such as ``"two_nn"``; without any, the first of
            every section.
        ax : matplotlib.axes.Axes, optional
            Where to draw the one chart that is named; a new figure if left out.

        Returns
        -------
        matplotlib.axes.Axes or list of them
            One for each chart.

        Raises
        ------
        GeoscopeError
            Where matplotlib is not installed, or there is no such chart.
        """
        return presentation().plot(self, names, ax)

    def to_json(self) -> str:
        """The result's JSON: two-space indent, keys in the schema's order, a newline at the end."""
        return json_text(self.model_dump())  # pydantic's own JSON has no half of a character, as file names may

    def write(self, path: str | Path) -> None:
        """Write the JSON to a file, whole or not at all; "-" is standard output."""
        files.send(self.to_json(), str(path))

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a result's JSON from a file; "-" is standard input.

        Raises GeoscopeError for what is no such result, NotComparable for one of another schema version.
        """
        return cls.from_content(*read_content(path, cls.noun))

    @classmethod
    def from_json(cls, data: bytes | str, name: str = "the text") -> Self:
        """Parse a result's JSON; name is what errors call it."""
        return cls.from_content(parse(data, name, cls.noun), name)

    @classmethod
    def from_content(cls, content: Mapping[str, Any], name: str) -> Self:
        """The result that parsed JSON holds."""
        version = content.get("schema_version")
        if version is None:
            raise GeoscopeError(
                f"expected a geoscope {cls.noun}, got JSON without schema_version in {name}; make one with "
                f"`{cls.made_by}`"
            )
        if version != SCHEMA_VERSION:
            raise NotComparable(
                f"expected a {cls.noun} of schema version {SCHEMA_VERSION}, got {version!r} in {name}; "
                "measure again with this version of geoscope"
            )
        missing = [key for key, field in cls.model_fields.items() if field.exclude_if is None and key not in content]
        if missing:
            raise GeoscopeError(
                f"expected a geoscope {cls.noun}, got one without {', '.join(missing)} in {name}; measure again"
            )
        try:
            return cls.model_validate(content, strict=True)  # "3" is no layer
        except ValidationError as error:
            raise GeoscopeError(
                f"expected a geoscope {cls.noun}, got in {name} {first_mistake(error)}; measure again"
            ) from error


def first_mistake(error: ValidationError) -> str:
    """Where the first of what pydantic refuses stands, and why it does."""
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place or 'the top level'}: {first['msg']}"


def read_content(path: str | Path, noun: str = "report") -> tuple[Mapping[str, Any], str]:
    """A file's JSON, and what errors call it; "-" is standard input."""
    name = "standard input" if str(path) == "-" else str(path)
    if str(path) == "-" and sys.stdin is None:
        raise GeoscopeError(
            f"expected a {noun} on standard input, which is closed, got none; pipe it in, or name a file"
        )
    try:
        if str(path) == "-":
            data = read_stream(sys.stdin.buffer, name, f"a {noun}", RESULT_BYTES)
        else:
            data = read_whole(path_of(path), f"a {noun}", RESULT_BYTES, pipes=True)
    except OSError as error:
        raise GeoscopeError(f"expected a {noun} to read, got {name}: {error.strerror}; check the path") from error
    return parse(data, name, noun), name


def parse(data: bytes | str, name: str, noun: str = "report") -> Mapping[str, Any]:
    """One JSON object without NaN; name and noun: what errors call it and what was expected."""

    def refuse(constant: str) -> NoReturn:
        raise GeoscopeError(f"expected finite numbers or null in a {noun}, got {constant} in {name}; measure again")

    try:
        content = json_content(data, refuse)
    except ValueError as error:
        raise GeoscopeError(
            f"expected a {noun}'s JSON, got something else in {name}: {first_line(error)}; check the path"
        ) from error
    if not isinstance(content, dict):
        raise GeoscopeError(
            f"expected a {noun}, one JSON object, got a {type(content).__name__} in {name}; check the path"
        )
    return content
