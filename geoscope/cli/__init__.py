"""The command line: parse, call, print, exit."""

from geoscope.cli.app import main

__all__ = ["main"]
