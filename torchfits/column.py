"""`Column`: one column of a `Table`, and how rows of it are taken, joined end to end, and left missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from typing_extensions import Self

# torch has hardly any arithmetic on these; where bits are only moved, they travel as signed integers of the same width.
_SIGNED = {torch.uint16: torch.int16, torch.uint32: torch.int32, torch.uint64: torch.int64}


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A column: its values, which of them are missing, its unit and its description.

    >>> Column(torch.tensor([20.5, 19.8]), unit="mag")
    <Column of 2 rows, float32, mag>

    `values` are ``[n, ...]``, strings (``text=True``) uint8 ``[n, ..., width]``. A column whose rows differ in length
    has the values of all rows end to end, ``[total]``, and `offsets` int64 ``[n + 1]``: row i is
    ``values[offsets[i]:offsets[i + 1]]``. `nulls` is None or a bool mask, true where a value is missing: of each value,
    of each string (``values.shape[:-1]``), or, with `offsets`, of each row. In floating columns NaN is missing as well.
    `array_shape` is what TDIMn says of a column whose rows differ in length: the shape of their arrays, slowest axis
    first, along which each row has its own length (`Table.ragged` takes it); empty where it says nothing.
    """

    values: Tensor
    nulls: Tensor | None = None
    offsets: Tensor | None = None
    text: bool = False
    unit: str = ""
    description: str = ""
    array_shape: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.values) if self.offsets is None else len(self.offsets) - 1

    @property
    def dtype(self) -> torch.dtype:
        return self.values.dtype

    @property
    def device(self) -> torch.device:
        return self.values.device

    @property
    def is_jagged(self) -> bool:
        """Whether rows differ in length."""
        return self.offsets is not None

    @property
    def cell_shape(self) -> tuple[int, ...]:
        """The shape of what a row holds, without the characters of strings; a jagged one has none."""
        if self.offsets is not None:
            return ()
        return tuple(self.values.shape[1 : self.values.dim() - int(self.text)])

    @property
    def is_plain(self) -> bool:
        """Whether each row holds one value, which can be compared: neither an array nor of varying length."""
        return not self.cell_shape and (self.text or not self.is_jagged)

    @property
    def type_name(self) -> str:
        """``float32``, ``int16[3]``, ``str8``; of varying length ``float32[*]``, ``str*``."""
        if self.text:
            name = "str*" if self.is_jagged else f"str{self.values.shape[-1]}"
        else:
            name = str(self.dtype).removeprefix("torch.") + ("[*]" if self.is_jagged else "")
        return name + (f"[{','.join(map(str, self.cell_shape))}]" if self.cell_shape else "")

    def missing(self) -> Tensor:
        """Which values are missing, as a mask like `nulls`: those that the mask says, and NaN."""
        shape = self.mask_shape
        mask = torch.zeros(shape, dtype=torch.bool, device=self.device) if self.nulls is None else self.nulls
        if self.offsets is None and (self.dtype.is_floating_point or self.dtype.is_complex):
            mask = mask | self.values.isnan()
        return mask

    @property
    def mask_shape(self) -> tuple[int, ...]:
        """The shape that `nulls` has."""
        return (len(self), *self.cell_shape)

    def __repr__(self) -> str:
        parts = [f"{len(self)} rows", self.type_name, *([self.unit] if self.unit else [])]
        return f"<Column of {', '.join(parts)}>"

    def __reduce__(self) -> tuple[object, ...]:
        """Pickled with signed values: torch does not load unsigned ones of more than 8 bits (seen in 2.13)."""
        facts = (self.nulls, self.offsets, self.text, self.unit, self.description, self.array_shape)
        return _unpickled, (carried(self.values), self.dtype, *facts)

    # --- Rows --------------------------------------------------------------------------------------------------------

    def take(self, rows: Tensor) -> Self:
        """The rows of these numbers (int64, from 0), in this order."""
        nulls = None if self.nulls is None else taken(self.nulls, rows)
        if self.offsets is None:
            return replace(self, values=taken(self.values, rows), nulls=nulls)
        starts, lengths = taken(self.offsets[:-1], rows), taken(self.offsets.diff(), rows)
        offsets = ends(lengths)
        places = torch.repeat_interleave(starts - offsets[:-1], lengths)
        places += torch.arange(len(places), device=places.device)
        return replace(self, values=taken(self.values, places), offsets=offsets, nulls=nulls)

    def take_or_missing(self, rows: Tensor) -> Self:
        """The same, where number -1 is a row that is missing."""
        absent = rows < 0
        if not bool(absent.any()):
            return self.take(rows)
        if len(self) == 0:
            return self.all_missing(len(rows))
        column = self.take(rows.clamp(min=0))
        if column.offsets is not None:
            lengths = column.offsets.diff()
            kept = torch.repeat_interleave(~absent, lengths)
            column = replace(column, values=column.values[kept], offsets=ends(lengths * ~absent))
            return replace(column, nulls=absent if column.nulls is None else column.nulls | absent)
        return column.with_missing(absent.view(-1, *[1] * len(self.cell_shape)).expand(self.mask_shape_of(len(rows))))

    def mask_shape_of(self, rows: int) -> tuple[int, ...]:
        return (rows, *self.cell_shape)

    def with_missing(self, mask: Tensor) -> Self:
        """The same with the values missing where `mask` is true: NaN where there is NaN, else 0 and in `nulls`."""
        spread = mask.unsqueeze(-1) if self.text else mask
        if self.dtype.is_floating_point or self.dtype.is_complex:
            return replace(self, values=self.values.masked_fill(spread, torch.nan))
        values = carried(self.values)
        values = torch.where(spread, values.new_zeros(()), values).view(self.dtype)
        return replace(self, values=values, nulls=mask if self.nulls is None else self.nulls | mask)

    def all_missing(self, rows: int) -> Self:
        """A column of the same kind in which all rows are missing."""
        nulls = torch.ones(self.mask_shape_of(rows), dtype=torch.bool, device=self.device)
        if self.offsets is not None:
            return replace(self, values=self.values[:0], offsets=self.offsets.new_zeros(rows + 1), nulls=nulls)
        values = self.values.new_zeros((rows, *self.values.shape[1:]))
        return replace(self, values=values, nulls=None).with_missing(nulls)

    def narrow(self, start: int, stop: int) -> Self:
        """Rows [start, stop), sharing memory."""
        nulls = None if self.nulls is None else self.nulls[start:stop]
        if self.offsets is None:
            return replace(self, values=self.values[start:stop], nulls=nulls)
        offsets = self.offsets[start : stop + 1]
        first, last = int(offsets[0]), int(offsets[-1])
        return replace(self, values=self.values[first:last], offsets=offsets - first, nulls=nulls)

    # --- Memory ------------------------------------------------------------------------------------------------------

    def to(self, device: torch.device | str | int, *, non_blocking: bool = False) -> Self:
        return self._mapped(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Self:
        return self._mapped(torch.Tensor.pin_memory)

    def clone(self) -> Self:
        return self._mapped(torch.Tensor.clone)

    def _mapped(self, change: _Change) -> Self:
        nulls, offsets = (None if part is None else change(part) for part in (self.nulls, self.offsets))
        return replace(self, values=change(self.values), nulls=nulls, offsets=offsets)


def _unpickled(values: Tensor, dtype: torch.dtype, *facts: Any) -> Column:
    return Column(values.view(dtype), *facts)


if TYPE_CHECKING:
    from collections.abc import Callable

    _Change = Callable[[Tensor], Tensor]


def carried(values: Tensor) -> Tensor:
    """The same bits as a type that torch can do everything with: unsigned integers as signed ones of their width."""
    return values.view(_SIGNED.get(values.dtype, values.dtype))


def taken(values: Tensor, places: Tensor) -> Tensor:
    """``values[places]``, of any type; on one thread of a CPU index_select is four to eight times as fast."""
    return carried(values).index_select(0, places).view(values.dtype)


def ends(lengths: Tensor) -> Tensor:
    """Offsets ``[n + 1]`` of rows of these lengths."""
    offsets = lengths.new_zeros(len(lengths) + 1, dtype=torch.int64)
    torch.cumsum(lengths, 0, out=offsets[1:])
    return offsets


def common_dtype(dtypes: Sequence[torch.dtype], what: str) -> torch.dtype:
    """A type that holds the values of all of these, as NumPy chooses it."""
    common = dtypes[0]
    for dtype in dtypes[1:]:
        if dtype == common:
            continue
        if torch.bfloat16 in (dtype, common):
            common = torch.promote_types(*(signed_like(one) for one in (dtype, common)))
            continue
        names = [str(one).removeprefix("torch.") for one in (common, dtype)]
        promoted = np.promote_types(*names)
        if promoted.kind == "f" and not (common.is_floating_point or dtype.is_floating_point):
            raise TypeError(f"{what}: no type holds all values of {names[0]} and {names[1]}; convert one of them")
        common = getattr(torch, promoted.name)
    return common


def signed_like(dtype: torch.dtype) -> torch.dtype:
    return _SIGNED.get(dtype, dtype)


def concatenated(columns: Sequence[Column], name: str) -> Column:
    """Columns end to end. Their types may differ where one holds all values, their strings in length."""
    first = columns[0]
    kinds = {(column.text, column.is_jagged, column.cell_shape) for column in columns}
    if len(kinds) > 1:
        kinds_text = " and ".join(dict.fromkeys(column.type_name for column in columns))
        raise ValueError(f"column {name}: {kinds_text} cannot be put end to end")
    units = {column.unit: None for column in columns if column.unit}
    if len(units) > 1:
        raise ValueError(f"column {name} has the units {' and '.join(units)}: convert its values to one of them first")
    nulls = None
    if any(column.nulls is not None for column in columns):
        nulls = torch.cat([_mask(column) for column in columns])
    offsets = None
    if first.offsets is not None:
        offsets = ends(torch.cat([column.offsets.diff() for column in columns if column.offsets is not None]))
    if first.text and not first.is_jagged:
        width = max(column.values.shape[-1] for column in columns)
        parts = [torch.nn.functional.pad(part.values, (0, width - part.values.shape[-1])) for part in columns]
    else:
        dtype = common_dtype([column.dtype for column in columns], f"column {name}")
        parts = [column.values.to(dtype) for column in columns]
    values = torch.cat([carried(part) for part in parts]).view(parts[0].dtype)
    description = next((column.description for column in columns if column.description), "")
    shape = first.array_shape if all(column.array_shape == first.array_shape for column in columns) else ()
    return Column(values, nulls, offsets, first.text, next(iter(units), ""), description, shape)


def _mask(column: Column) -> Tensor:
    if column.nulls is not None:
        return column.nulls
    return torch.zeros(column.mask_shape, dtype=torch.bool, device=column.device)
