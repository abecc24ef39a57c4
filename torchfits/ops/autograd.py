"""Derivatives of operators: torch's registration, with a shorter way for calls that need none.

torch.library's kernel for autograd takes longer than hundred points take to transform. Where nothing requires a gradient
its one deed is to call the operator below autograd, which is done here with fewer objects (7.8 to 4.7 us a call). Where
something does, and wherever torch lacks one of the names this needs, torch's own kernel serves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


def _shortened(name: str, kernel: Callable[..., Any]) -> Callable[..., Any]:
    """The kernel of autograd, of (key set, arguments), that asks for torch's only where a gradient is needed."""
    try:
        redispatch = getattr(torch.ops.fits, name).default._handle.redispatch_boxed
        below_autograd, keys_below = torch._C._AutoDispatchBelowAutograd, torch._C._after_autograd_keyset
        any_requires_grad = torch._C._any_requires_grad
    except AttributeError:
        return kernel
    is_grad_enabled = torch.is_grad_enabled

    def call(keys: Any, *arguments: Any, **named: Any) -> Any:
        if is_grad_enabled() and any_requires_grad(*arguments):
            return kernel(keys, *arguments, **named)
        with below_autograd():
            return redispatch(keys & keys_below, *arguments, **named)

    return call


class _Library(torch.library.Library):
    """Where torch registers what it makes of our formulas."""

    def impl(self, op_name: str, fn: Callable[..., Any], dispatch_key: str = "", **settings: Any) -> None:
        if dispatch_key == "Autograd":
            fn = _shortened(op_name, fn)
        super().impl(op_name, fn, dispatch_key, **settings)  # type: ignore[no-untyped-call]


# Its registrations last as long as it does.
_LIBRARY = _Library("fits", "FRAGMENT")  # type: ignore[no-untyped-call]


def register_autograd(
    name: str, backward: Callable[..., Any], setup_context: Callable[..., None] | None = None
) -> None:
    """``torch.library.register_autograd`` for the operator ``fits::name``."""
    torch.library.register_autograd(f"fits::{name}", backward, setup_context=setup_context, lib=_LIBRARY)
