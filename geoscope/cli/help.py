"""Help: what a command does, examples, and the main options; all of them with --help-all. No name is cut short."""

from __future__ import annotations

import inspect
import shutil
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from geoscope import files
from geoscope.errors import GeoscopeError
from geoscope.forms.output import page_of
from geoscope.wording import meant

_MOST = 10
"""So many options does short help list, beside those that a command needs."""

_INDENT = 24
_WIDEST = 100


class Command(TyperCommand):
    """A command with this help."""

    def get_help(self, ctx: Any) -> str:
        return "\n".join(_of_command(self, ctx, whole=False))


class Commands(TyperGroup):
    """The commands, with this help; a name that is none of them is answered with the nearest."""

    def get_help(self, ctx: Any) -> str:
        return "\n".join(_of_group(self, ctx))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if not args[0].startswith("-") and args[0] not in self.commands and not ctx.resilient_parsing:
            advice = meant(args[0], self.commands, "`geoscope --help` lists them")
            raise GeoscopeError(f"expected a command of geoscope, got {args[0]!r}; {advice}")
        return super().resolve_command(ctx, args)


def print_help(context: typer.Context, asked: bool) -> None:
    """Print the short help and end."""
    if asked:
        files.send(context.get_help() + "\n")
        raise typer.Exit


def print_whole_help(context: typer.Context, asked: bool) -> None:
    """Print the help with every option and end."""
    if asked:
        files.send("\n".join(_of_command(context.command, context, whole=True)) + "\n")
        raise typer.Exit


def examples_of(command: Any) -> list[str]:
    """The command lines that a command's help shows, without what is said of them."""
    lines = (line.partition("  #")[0].strip() for line in _told(command)[1])
    return [line for line in lines if line.startswith("geoscope")]


def _of_command(command: Any, context: Any, *, whole: bool) -> Iterator[str]:
    yield from _head(command, context)
    arguments = [each for each in command.params if _is_argument(each)]
    options = [each for each in command.params if not _is_argument(each)]
    yield from _listed("Arguments", [_entry(each) for each in arguments])
    if whole:
        for panel in dict.fromkeys(map(_panel, options)):
            yield from _listed(panel, [_entry(each) for each in options if _panel(each) == panel])
        return
    shown = _used_most(command, options)
    yield from _listed("Options" if len(shown) == len(options) else "Main options", [_entry(each) for each in shown])
    if len(shown) < len(options):
        yield f"\n{context.command_path} --help-all lists all {len(options)} options."


def _of_group(group: Any, context: Any) -> Iterator[str]:
    yield from _head(group, context)
    commands = [(name, _told(each)[0].partition("\n")[0]) for name, each in group.commands.items() if not each.hidden]
    yield from _listed("Commands", commands)
    yield from _listed("Options", [_entry(each) for each in group.params])
    yield f"\n{context.command_path} COMMAND -h says more of a command."


def _head(command: Any, context: Any) -> Iterator[str]:
    arguments = [
        written(each) if each.required else f"[{written(each)}]" for each in command.params if _is_argument(each)
    ]
    pieces = "COMMAND ..." if hasattr(command, "commands") else " ".join(["[OPTIONS]", *arguments])
    yield from _wrapped(f"Usage: {context.command_path} {pieces}", 0, 7)
    text, examples = _told(command)
    for paragraph in text.split("\n\n"):
        yield ""
        yield from _wrapped(" ".join(paragraph.split()), 0)
    if examples:
        yield from ("", _heading("Examples"), *(f"  {line}" for line in examples))


def _told(command: Any) -> tuple[str, list[str]]:
    """What a command's docstring says of it, and the lines of its examples."""
    text, _, examples = inspect.cleandoc(command.help or "").partition("Examples:\n")
    return text.strip(), textwrap.dedent(examples).strip().splitlines()


def _used_most(command: Any, options: Sequence[Any]) -> list[Any]:
    """Those that it needs, and the ten that are asked for most, in the order of all."""
    fields = inspect.unwrap(command.callback).fields
    often = {each.name: fields[each.name].option.often for each in options if each.name in fields}
    most = sorted(often, key=lambda name: -often[name])[:_MOST]
    asked = [each for each in options if each.required or (each.name in most and often[each.name])]
    return [*asked, *(each for each in options if each.name in ("help", "help_all"))]


def _listed(title: str, entries: Iterable[tuple[str, str]]) -> Iterator[str]:
    entries = list(entries)
    if not entries:
        return
    yield from ("", _heading(title))
    for name, says in entries:
        lines = list(_wrapped(says, _INDENT))
        if len(name) + 4 <= _INDENT and lines:
            lines[0] = f"  {name}".ljust(_INDENT) + lines[0].lstrip()
        else:
            yield f"  {name}"
        yield from lines


def _entry(parameter: Any) -> tuple[str, str]:
    """A parameter as it is typed, and what is said of it with its default."""
    says, default = parameter.help or "", default_of(parameter)
    return written(parameter), f"{says} [default: {default}]" if default else says


def written(parameter: Any) -> str:
    """An argument or an option as it is typed."""
    if _is_argument(parameter):
        return str(parameter.metavar or parameter.name.upper())
    flags = ", ".join([*parameter.opts, *parameter.secondary_opts])
    return flags if parameter.is_flag else f"{flags} {parameter.metavar}"


def default_of(parameter: Any) -> str:
    """A parameter's default in words; "" where there is nothing to say."""
    if isinstance(parameter.show_default, str):
        return parameter.show_default
    return "yes" if parameter.show_default and parameter.default is True else ""


def _is_argument(parameter: Any) -> bool:
    return not parameter.opts[0].startswith("-")


def _panel(option: Any) -> str:
    return option.rich_help_panel or "Options"


def _heading(text: str) -> str:
    return page_of().styled(f"{text}:", "bold")


def _wrapped(text: str, indent: int, hanging: int | None = None) -> Iterator[str]:
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    further = " " * (indent if hanging is None else hanging)
    yield from textwrap.wrap(
        text, max(width, _INDENT + 16), initial_indent=" " * indent, subsequent_indent=further,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
