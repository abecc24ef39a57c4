"""Strings of tables: bytes of a fixed width, as FITS has them, and Python's.

A string ends before the first NUL, and blanks at its end do not belong to it (FITS Standard 4.0, section 7.3.3.1; what
readers make of the blanks is their convention, this is astropy's and CFITSIO's).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from torchfits.column import Column, ends

_BLANK = 32
_TOGETHER = 1 << 20  # characters that are looked at together: what is made of them stays in the caches


def cut(values: Tensor) -> Tensor:
    """Strings uint8 ``[..., width]`` with everything that does not belong to them set to 0: equal strings, equal bytes.

    >>> cut(torch.tensor([[77, 51, 49, 32], [77, 51, 0, 57]], dtype=torch.uint8)).tolist()
    [[77, 51, 49, 0], [77, 51, 0, 0]]
    """
    width = values.shape[-1]
    if values.numel() <= _TOGETHER:
        return _cut(values) if values.numel() else values
    out = torch.empty_like(values, memory_format=torch.contiguous_format)
    rows = values.reshape(-1, width).split(max(_TOGETHER // width, 1))
    for part, place in zip(rows, out.view(-1, width).split(max(_TOGETHER // width, 1))):
        place.copy_(_cut(part))
    return out


def _cut(values: Tensor) -> Tensor:
    """In whole bytes and without comparisons, which take torch ten times as long as arithmetic on them."""
    width = values.shape[-1]
    kind, sign = (torch.int8, 7) if width < 127 else (torch.int32, 31)
    places = torch.arange(1, width + 1, dtype=kind, device=values.device)
    one = torch.ones((), dtype=torch.uint8, device=values.device)
    flat = values.reshape(-1)
    present = torch.minimum(flat, one)  # 0 for a NUL
    behind = present[1:] & (present[:-1] ^ 1)
    behind[width - 1 :: width] = 0  # what follows is another string
    if bool(behind.any()):
        first = torch.where(values == 0, places, width + 1).amin(-1, keepdim=True)
        flat = (values * (places < first)).reshape(-1)
    solid = torch.minimum(flat & ~_BLANK, one).view(values.shape)  # 1 for what is neither a NUL nor a blank
    last = (solid.view(torch.int8) * places).amax(-1, keepdim=True)
    beyond = (last - places) >> sign  # -1 for places behind the last
    return flat.view(values.shape) & ~beyond.to(torch.int8).view(torch.uint8)


def lengths(values: Tensor) -> Tensor:
    """How many characters the strings of `cut` have, int64 ``[...]``."""
    return (values != 0).sum(-1) if values.shape[-1] else values.new_zeros(values.shape[:-1], dtype=torch.int64)


def rectangle(column: Column) -> Tensor:
    """The strings of a column as uint8 ``[..., width]``, cut; those of varying length are padded to the longest."""
    if column.offsets is None:
        return cut(column.values)
    return cut(padded(column.values, column.offsets))


def padded(values: Tensor, offsets: Tensor) -> Tensor:
    """Rows of varying length as ``[n, longest]``, with 0 behind their ends."""
    sizes = offsets.diff()
    width = int(sizes.max()) if len(sizes) else 0
    out = values.new_zeros(len(sizes), width)
    out[torch.arange(width, device=values.device) < sizes.unsqueeze(1)] = values[offsets[0] : offsets[-1]]
    return out


def strings(column: Column) -> NDArray[np.str_]:
    """The strings of a column as a NumPy array of str: UTF-8, or Latin-1 where they are not."""
    held = np.ascontiguousarray(rectangle(column).cpu().numpy())
    width = held.shape[-1]
    if width == 0:
        return np.full(held.shape[:-1], "", dtype="U1")
    packed = held.view(f"S{width}")[..., 0]
    if held.size == 0 or held.max() < 128:
        return packed.astype(f"U{width}")
    decoded = [decode(text) for text in packed.ravel().tolist()]
    return np.array(decoded, dtype=np.str_).reshape(packed.shape)


def raw(values: Tensor) -> list[bytes]:
    """Strings uint8 ``[n, width]``, cut, one by one."""
    array = np.ascontiguousarray(values.numpy())
    return array.view(f"S{array.shape[-1]}")[:, 0].tolist() if array.size else [b""] * len(array)


def decode(text: bytes) -> str:
    """UTF-8, or Latin-1 where it is not. FITS asks for ASCII, which both are."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")


def encoded(texts: Sequence[str | bytes | None]) -> tuple[Tensor, Tensor | None]:
    """Strings as uint8 ``[n, width]`` (UTF-8, NUL behind their ends), and which of them are None."""
    raw = [b"" if text is None else text.encode() if isinstance(text, str) else bytes(text) for text in texts]
    nulls = torch.tensor([text is None for text in texts]) if any(text is None for text in texts) else None
    sizes = torch.tensor([len(text) for text in raw], dtype=torch.int64)
    data = torch.frombuffer(bytearray(b"".join(raw) or b"\0"), dtype=torch.uint8)
    return padded(data, ends(sizes)), nulls


def of_array(array: NDArray[Any]) -> Tensor:
    """NumPy's arrays of str or bytes (kinds U and S) as uint8 ``[..., width]``."""
    if array.dtype.kind == "U":
        array = np.char.encode(array, "utf-8")
    array = np.ascontiguousarray(array)
    width = array.dtype.itemsize
    return torch.from_numpy(array.view(np.uint8).reshape(*array.shape, width).copy())
