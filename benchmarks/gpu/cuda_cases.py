"""A plugin for pytest that keeps the tests which need CUDA: by what they are skipped for, or by their name."""

from __future__ import annotations

from typing import Any


def pytest_collection_modifyitems(config: Any, items: list[Any]) -> None:
    kept = [item for item in items if _needs_cuda(item)]
    config.hook.pytest_deselected(items=[item for item in items if not _needs_cuda(item)])
    items[:] = kept


def _needs_cuda(item: Any) -> bool:
    reasons = [mark.kwargs.get("reason", "") for mark in item.iter_markers("skipif")]
    return any("CUDA" in reason for reason in reasons) or "cuda" in item.nodeid.lower()
