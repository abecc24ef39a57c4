"""unpack, scale, unscale: stored and physical values of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from torchfits.ops.autograd import register_autograd

DOCS = {
    "unpack": """Big-endian bytes to native values: a data unit, or a batch of them, as a tensor.

``data`` uint8 of any shape and strides, exactly ``prod(shape) * |bitpix| / 8`` bytes; ``bitpix`` 8, 16, 32, 64, -32 or
-64 (FITS Standard 4.0, sections 4.4.1.1 and 5). Returns ``shape`` of uint8, int16, int32, int64, float32 or float64:
the stored values, which ``scale`` makes physical. NaN and -0.0 keep their bits. CPU and CUDA.

Errors: ValueError for another ``bitpix``, a number of bytes that does not fit, another dtype.
""",
    "scale": """Stored values to physical ones: ``bzero + bscale * raw``, BLANK to NaN (section 4.4.2.5).

``raw`` any integer type, float16, bfloat16, float32 or float64, any shape and strides; returns a contiguous tensor of
its shape and of ``dtype`` (default float32), which may be any of the same. Physical values are in the unit of BUNIT. The arithmetic is
float64, two roundings, then one to ``dtype`` (float16 and bfloat16 are rounded from float32); CPU and CUDA give the
same bits. The conventions of section 5.2.5 (uint8, int16, int32, int64 with BSCALE 1 and BZERO -128, 2**15, 2**31,
2**63) go through the integer they stand for, and values without scaling are cast, so that 64-bit integers keep every
bit. To integers: truncated toward zero, saturated, NaN is 0. ``blank`` is compared with ``raw``; it means something in
integer ``raw`` and floating ``dtype`` only and is ignored elsewhere, as is one that ``raw``'s type cannot hold.

Derivative: of floating ``raw``, ``bscale``. Errors: ValueError for bool, complex and 8-bit floating types.
""",
    "unscale": """Physical values to stored ones, ``(value - bzero) / bscale``: undoes ``scale`` (section 4.4.2.5).

``value`` any integer type, float16, bfloat16, float32 or float64, any shape and strides; returns a contiguous tensor
of its shape and of the native type of ``bitpix``: uint8, int16, int32, int64, float32 or float64. To integers it is
computed in float64 and rounded to the nearest, ties to even (as numpy.around, which astropy writes with; CFITSIO adds
0.5 and truncates, which differs on ties). Out of range saturates, infinities too; NaN becomes ``blank``, or where that
is None 0 (of the type that a convention of section 5.2.5 stands for): no device could raise for it without waiting for
the data. Integer values that need no arithmetic (no scaling, or a convention) keep every bit. Floating ``bitpix``
keeps NaN and ignores ``blank``. CPU and CUDA give the same bits.

Derivative: for floating ``bitpix``, ``1 / bscale``. Errors: ValueError for ``bscale`` 0 or not finite, ``bzero`` not
finite, a ``blank`` that ``bitpix`` cannot store, another ``bitpix``, bool, complex and 8-bit floating types.
""",
}

_STORED = {
    8: torch.uint8,
    16: torch.int16,
    32: torch.int32,
    64: torch.int64,
    -32: torch.float32,
    -64: torch.float64,
}


def stored_dtype(bitpix: int, who: str) -> torch.dtype:
    if bitpix not in _STORED:
        raise ValueError(
            f"{who}: bitpix is {bitpix}; it must be 8, 16, 32, 64, -32 or -64 (FITS Standard 4.0, section 4.4.1.1)"
        )
    return _STORED[bitpix]


@torch.library.register_fake("fits::unpack")
def _(data: torch.Tensor, bitpix: int, shape: Sequence[int]) -> torch.Tensor:
    return data.new_empty(list(shape), dtype=stored_dtype(bitpix, "unpack"))


@torch.library.register_fake("fits::scale")
def _(
    raw: torch.Tensor,
    bscale: float = 1,
    bzero: float = 0,
    blank: int | None = None,
    *,
    dtype: torch.dtype | None = None,
) -> torch.Tensor:
    return raw.new_empty(raw.shape, dtype=dtype or torch.float32)


@torch.library.register_fake("fits::unscale")
def _(value: torch.Tensor, bscale: float, bzero: float, blank: int | None, bitpix: int) -> torch.Tensor:
    return value.new_empty(value.shape, dtype=stored_dtype(bitpix, "unscale"))


def _keep_scale(ctx: Any, inputs: tuple[Any, ...], keyword_only_inputs: dict[str, Any], output: torch.Tensor) -> None:
    raw, ctx.bscale, _, _ = inputs
    ctx.dtype = raw.dtype


def _scale_backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
    wide = torch.promote_types(grad.dtype, ctx.dtype)
    return (grad.to(wide) * ctx.bscale).to(ctx.dtype), None, None, None


def _keep_unscale(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
    value, ctx.bscale, _, _, _ = inputs
    ctx.dtype = value.dtype


def _unscale_backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None, None, None, None]:
    wide = torch.promote_types(grad.dtype, ctx.dtype)
    return (grad.to(wide) / ctx.bscale).to(ctx.dtype), None, None, None, None


register_autograd("scale", _scale_backward, _keep_scale)
register_autograd("unscale", _unscale_backward, _keep_unscale)
