"""Threads that call torch, in a process that was forked from one that had used it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_FORKED = """
import os, sys, threading, torch
from geoscope.torch_state import threads_of_torch
from concurrent.futures import ThreadPoolExecutor
torch.set_num_threads(1)
rows = torch.randn(300, 300).triu()
failed = 0
def use(_):
    together.wait()
    rows.triu()
for _ in range(150):
    child = os.fork()
    if child == 0:
        together = threading.Barrier(8)
        pool = threads_of_torch(8) if sys.argv[1] == "ours" else ThreadPoolExecutor(8)
        try:
            with pool as threads:
                list(threads.map(use, range(8)))
        except RuntimeError:
            os._exit(1)
        os._exit(0)
    failed += os.waitpid(child, 0)[1] != 0
print(failed)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_no_thread_of_a_forked_process_finds_torch_without_its_pool() -> None:
    done = subprocess.run([sys.executable, "-c", _FORKED, "ours"], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"
