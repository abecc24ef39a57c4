"""Tracing: what the fakes of several operators share.

A fake runs while a graph is captured, on tensors without data. Where rank or dtype lies in a file, the fake must look
into the real file: ``outside_capture`` is where it may.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch.fx.experimental.proxy_tensor import ProxyTorchDispatchMode
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


def record_with(name: str, facts: Callable[..., dict[str, Any]]) -> None:
    """Makes captured calls of operator ``name`` carry what was read from the file as keyword arguments.

    Compiled kernels count on the rank and dtype that a fake promised; from these arguments the operator learns what was
    promised, and raises where the file at run time differs. ``facts`` gets the call's arguments and returns the keyword
    arguments to set.
    """

    def record(mode: ProxyTorchDispatchMode, func: Any, types: Any, args: Any, kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        return mode.__torch_dispatch__(func, types, args, {**kwargs, **facts(*args, **kwargs)})

    torch.library.register_torch_dispatch(name, ProxyTorchDispatchMode, record)
