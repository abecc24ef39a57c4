"""Tracing: what the fakes of several operators share.

A fake runs while a graph is captured, on tensors without data. Where rank or dtype lies in a file, the fake must look
into the real file: ``outside_capture`` is where it may.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch
from torch.utils._python_dispatch import _disable_current_modes


def outside_capture() -> AbstractContextManager[None]:
    """Operators called inside run on real tensors; only Python values may leave."""
    return _disable_current_modes()


def unknown_size() -> torch.SymInt:
    """A size that is known only when the graph runs."""
    return torch.library.get_ctx().new_dynamic_size()


def batch_size(offsets: torch.Tensor) -> int | torch.SymInt:
    """How many items a packed batch has: one fewer than offsets."""
    return offsets.shape[0] - 1
