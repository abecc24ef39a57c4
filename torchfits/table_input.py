"""What a column of a `Table` may be given as."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from torchfits import table_text
from torchfits.column import Column, ends


def as_column(value: object, name: str) -> Column:
    """A column of: a `Column`, a tensor (also a nested one, jagged), a NumPy array, masked or not, or a list.

    A list is of numbers, bools, strings or lists; None in it is a missing value. Lists of different lengths make a
    column of varying length, and so does a pair (values, offsets) of tensors.
    """
    if isinstance(value, Column):
        column = value
    elif isinstance(value, Tensor):
        column = _of_tensor(value)
    elif isinstance(value, np.ma.MaskedArray):
        column = _of_masked(value, name)
    elif isinstance(value, np.ndarray):
        column = _of_array(value, name)
    elif isinstance(value, tuple) and len(value) == 2 and all(isinstance(part, Tensor) for part in value):
        column = Column(value[0], offsets=value[1])
    elif isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        column = _of_list(value, name)
    else:
        raise TypeError(
            f"column {name}: a column is a tensor, a NumPy array, a list, a pair (values, offsets) of tensors or a "
            f"Column, not {type(value).__name__}"
        )
    _check(column, name)
    return column


def _of_tensor(tensor: Tensor) -> Column:
    if not tensor.is_nested:
        return Column(tensor)
    if tensor.layout != torch.jagged or tensor.dim() != 2:
        tensor = torch.nested.as_nested_tensor(list(tensor.unbind()), layout=torch.jagged)
    nested: Any = tensor
    if nested.lengths() is not None:  # rows with gaps between them
        return _of_rows(list(tensor.unbind()))
    return Column(nested.values(), offsets=nested.offsets().to(torch.int64))


def _of_rows(rows: Sequence[Tensor]) -> Column:
    sizes = torch.tensor([len(row) for row in rows], dtype=torch.int64, device=rows[0].device)
    return Column(torch.cat(list(rows)), offsets=ends(sizes))


def _of_masked(array: np.ma.MaskedArray[Any, Any], name: str) -> Column:
    column = _of_array(np.asarray(array.filled(_zero(array.dtype))), name)
    mask = torch.from_numpy(np.ma.getmaskarray(array).copy())
    if not bool(mask.any()) or column.is_jagged:
        return column if not bool(mask.any()) else replace(column, nulls=mask)
    return column.with_missing(mask)


def _zero(dtype: np.dtype[Any]) -> Any:
    return None if dtype.kind == "O" else dtype.type()


def _of_array(array: NDArray[Any], name: str) -> Column:
    if array.ndim == 0:
        raise ValueError(f"column {name}: a column has a row axis, and this is one value, {array!r}")
    if array.dtype.kind in "US":
        return Column(table_text.of_array(array), text=True)
    if array.dtype.kind == "O":
        return _of_list(array.tolist(), name)
    if array.dtype.kind not in "biufc" or array.dtype.itemsize > (16 if array.dtype.kind == "c" else 8):
        raise TypeError(f"column {name}: torch has no type for NumPy's {array.dtype}; convert the array first")
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if not array.flags.writeable or any(step < 0 or step % max(array.itemsize, 1) for step in array.strides):
        array = array.copy()
    return Column(torch.from_numpy(array))


def _of_list(values: Sequence[Any], name: str) -> Column:
    present = [value for value in values if value is not None]
    if all(isinstance(value, (str, bytes)) for value in present) and present:
        encoded, nulls = table_text.encoded(values)
        return Column(encoded, nulls, text=True)
    if any(np.ndim(value) == 1 and not isinstance(value, str) for value in present) and (
        len({len(value) for value in present}) > 1 or len(present) < len(values)
    ):
        rows = [torch.as_tensor([] if value is None else value) for value in values]
        dtype = torch.stack([torch.zeros((), dtype=row.dtype) for row in rows if len(row)] or [torch.zeros(())]).dtype
        column = _of_rows([row.to(dtype) for row in rows])
        return replace(column, nulls=_nones(values))
    if len(present) == len(values):
        array = np.array(values) if values else np.empty(0)
        if array.dtype.kind == "O":
            raise TypeError(f"column {name}: no column can be made of a list that holds {values[0]!r}")
        return _of_array(array, name)
    zero = np.zeros((), np.array(present).dtype if present else np.float64).item()
    column = _of_array(np.array([zero if value is None else value for value in values]), name)
    nulls = _nones(values)
    assert nulls is not None
    return column.with_missing(nulls)


def _nones(values: Sequence[object]) -> Tensor | None:
    nulls = torch.tensor([value is None for value in values], dtype=torch.bool)
    return nulls if bool(nulls.any()) else None


def _check(column: Column, name: str) -> None:
    """What operations on columns rely on. Offsets are looked through: what comes from outside may hold anything."""
    values, offsets, nulls = column.values, column.offsets, column.nulls
    least = 1 + int(column.text and offsets is None)
    if values.dim() < least or (column.text and values.dtype != torch.uint8):
        want = "strings are uint8 [n, ..., width]" if column.text else "a column has a row axis"
        raise ValueError(f"column {name}: {want}, and these values are {values.dtype} {list(values.shape)}")
    if offsets is not None:
        if values.dim() != 1 or offsets.dim() != 1 or len(offsets) == 0 or offsets.dtype != torch.int64:
            raise ValueError(
                f"column {name}: values [total] and int64 offsets [n + 1] make a column of varying length, not values "
                f"{list(values.shape)} and offsets {offsets.dtype} {list(offsets.shape)}"
            )
        if int(offsets[0]) != 0 or int(offsets[-1]) != len(values) or bool((offsets.diff() < 0).any()):
            raise ValueError(
                f"column {name}: offsets must rise from 0 to {len(values)}, the number of values; these go from "
                f"{int(offsets[0])} to {int(offsets[-1])}"
            )
    if nulls is not None and (nulls.dtype != torch.bool or nulls.shape != column.mask_shape):
        raise ValueError(
            f"column {name}: the mask of missing values must be bool {list(column.mask_shape)}, not {nulls.dtype} "
            f"{list(nulls.shape)}"
        )
    devices = {part.device for part in (values, offsets, nulls) if part is not None}
    if len(devices) > 1:
        raise ValueError(f"column {name}: values, offsets and mask are on {' and '.join(map(str, devices))}")
