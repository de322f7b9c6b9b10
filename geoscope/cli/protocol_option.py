"""`--protocol`: the option, and what it leaves of the others: those that were typed go first."""

from __future__ import annotations

from typing import Annotated, Any

import typer

ProtocolOption = Annotated[
    str | None,
    typer.Option(
        "--protocol",
        metavar="NAME",
        show_default="none",
        help="Sample, pool and measure as a work did: marbut2024, rudman2024, kudriashov2025, razzhigaev2023, "
        "ethayarajh2019. Options that are typed go first.",
        rich_help_panel="Sample",
    ),
]


def left_to_protocol(context: typer.Context, **keywords: Any) -> dict[str, Any]:
    """The keywords of `measure` without those that were not typed, if a protocol is named that sets them."""
    from geoscope.protocols import resolved

    theirs = resolved({"protocol": keywords["protocol"]})
    return {key: value for key, value in keywords.items() if key not in theirs or typed(context, key)}


def typed(context: typer.Context, key: str) -> bool:
    """Whether a parameter was given, whatever its value."""
    source = context.get_parameter_source(key)
    return source is not None and source.name != "DEFAULT"
