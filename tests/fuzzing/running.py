"""Running a target: so many mutated inputs, and every exception that is no sentence, once for each place it is from."""

from __future__ import annotations

import signal
import sys
import tempfile
import time
import traceback
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from fuzzing.targets import Target, targets

FAST, MANY, FEW = 2_000, 1_000_000, 100_000
"""Executions a second from which on a target gets many."""

_TRIED = 300
_LONGEST = 5.0
_MOST_FAULTS = 40


class TooLong(BaseException):
    """An execution that takes longer than any reader should."""


@dataclass
class Found:
    """What came of a target. faults: by place, the exception and the input it came of."""

    target: str
    executions: int = 0
    seconds: float = 0.0
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Executions a second."""
        return self.executions / self.seconds if self.seconds else 0.0


def fuzz(name: str, executions: int = 0, most_seconds: float = 0.0, seed: int = 0) -> Found:
    """Run a target; executions 0: as many as its rate allows for."""
    target = next(each for each in targets() if each.name == name)
    found = Found(name)
    random = Random(f"{name} {seed}")
    signal.signal(signal.SIGVTALRM, _too_long)
    sys.set_int_max_str_digits(4300)
    with (
        tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        begun = time.process_time()
        wanted = executions or _TRIED
        while found.executions < wanted and len(found.faults) < _MOST_FAULTS:
            _once(target, random, Path(folder), found)
            found.seconds = time.process_time() - begun
            if found.executions == _TRIED and not executions:
                wanted = MANY if found.rate >= FAST else FEW
            if most_seconds and found.seconds > most_seconds:
                break
    return found


def _once(target: Target, random: Random, folder: Path, found: Found) -> None:
    from geoscope.errors import GeoscopeError, Undefined

    given = target.made(random)
    found.executions += 1
    signal.setitimer(signal.ITIMER_VIRTUAL, _LONGEST)
    try:
        target.called(given, folder)
    except GeoscopeError as error:
        if len(str(error)) > 200_000:
            found.faults.setdefault("a long sentence", f"{len(str(error))} characters, of {_shown(given)}")
    except Undefined:
        pass
    except (Exception, TooLong) as error:
        place = _place(error)
        found.faults.setdefault(place, f"{place}: {type(error).__name__}: {str(error)[:160]!r}, of {_shown(given)}")
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _place(error: BaseException) -> str:
    """The line of geoscope that it came through last."""
    frames = [each for each in traceback.extract_tb(error.__traceback__) if "/geoscope/" in each.filename]
    last = frames[-1] if frames else traceback.extract_tb(error.__traceback__)[-1]
    return f"{last.filename.rpartition('/geoscope/')[2]}:{last.lineno} {type(error).__name__}"


def _shown(given: Any) -> str:
    text = repr(given)
    return text if len(text) <= 400 else f"{text[:150]}...{text[-230:]} ({len(text)} characters)"


def _too_long(*_: Any) -> None:
    raise TooLong(f"it took more than {_LONGEST:.0f} s of CPU")
