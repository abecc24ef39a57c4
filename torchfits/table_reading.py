"""Tables of files: what a header says of the columns; reading them by the operators, whole, in part or in batches."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from torchfits import table_statistics
from torchfits.column import Column, concatenated
from torchfits.header import Header
from torchfits.source import Operator, Source
from torchfits.table import Table
from torchfits.table_columns import Names
from torchfits.table_statistics import Statistics
from torchfits.table_views import found

FILTER_ROWS = Operator.named("filter_rows")
READ_COLUMNS = Operator.named("read_columns")
READ_ROWS = Operator.named("read_rows")
READ_NULL_MASK = Operator.named("read_null_mask")
READ_RAGGED = Operator.named("read_ragged")

RowsLike = slice | Tensor | Sequence[int] | Sequence[bool] | Any  # NumPy's arrays too

# Chosen rows of masks and of arrays of varying length are read by stretches of so many rows.
_STRETCH = 1 << 16
# Masks that are not kept are read by so many values: they take no memory to speak of.
_TOGETHER = 1 << 20


class Field(NamedTuple):
    """What the header says of a column."""

    number: int  # n of TTYPEn, from 1
    letter: str  # of TFORMn
    jagged: bool
    text: bool
    has_nulls: bool  # TNULLn, or logicals, which have a value for it
    unit: str
    description: str
    array_shape: tuple[int, ...] = ()  # TDIMn of a column whose rows differ in length, slowest axis first

    @property
    def key(self) -> str:
        """What the operators call it: two columns may have one name."""
        return f"#{self.number}"


def fields(header: Header) -> dict[str, Field]:
    """The columns by name, in order: TTYPEn, or ``col3`` where there is none; a name's second bearer is ``NAME_7``.

    Units are TUNITn, descriptions TCOMMn.
    """
    ascii_table = header.get("XTENSION") == "TABLE"
    out: dict[str, Field] = {}
    for n in range(1, int(header.get("TFIELDS", 0)) + 1):
        name = str(header.get(f"TTYPE{n}", "")).strip() or f"col{n}"
        letters = re.match(r"\s*\d*([A-Z])([A-Z]?)", str(header.get(f"TFORM{n}", "")).upper())
        letter, inner = (letters[1], letters[2]) if letters else ("", "")
        jagged = letter in "PQ" and not ascii_table
        has_nulls = not jagged and (letter == "L" or (letter in "BIJK" and f"TNULL{n}" in header))
        unit, description = (str(header.get(f"{key}{n}", "")).strip() for key in ("TUNIT", "TCOMM"))
        text = (inner if jagged else letter) == "A"
        shape = _array_shape(header.get(f"TDIM{n}", "")) if jagged and not text else ()
        field = Field(n, letter, jagged, text, has_nulls, unit, description, shape)
        out[f"{name}_{n}" if name in out else name] = field
    return out


def _array_shape(tdim: object) -> tuple[int, ...]:
    """TDIMn of variable-length arrays (FITS Standard 4.0, section 7.3.2): all but the slowest axis must be known, and a
    text that does not say them says nothing, as of other columns. That axis is as long as the row has values for,
    whatever stands there, ``(3,5)`` or ``(3,-1)``: so astropy reads it.
    """
    text = re.fullmatch(r"\s*\(\s*(\d+(?:\s*,\s*\d+)*)\s*,\s*(-?\d+)\s*\)\s*", str(tdim))
    if text is None:
        return ()
    lengths = [int(length) for length in text[1].split(",")]
    return (int(text[2]), *reversed(lengths)) if all(lengths) else ()


class TableReader:
    """The table of an HDU, of which as much is read as is asked for."""

    def __init__(self, source: Source, index: int, header: Header, rows: int) -> None:
        self._source, self._index, self._rows = source, index, rows
        self._fields = fields(header)

    def _call(self, operator: Operator, *args: object) -> Any:
        return self._source(operator, self._index, *args)

    def _chosen(self, columns: Names | None) -> dict[str, Field]:
        if columns is None:
            return self._fields
        names = [columns] if isinstance(columns, str) else columns
        where = f"{self._source.name}[{self._index}]"
        try:
            return {(known := found(self._fields, name)): self._fields[known] for name in names}
        except KeyError as error:
            raise KeyError(f"{where}: {error.args[0]}") from None

    # --- Reading -----------------------------------------------------------------------------------------------------

    def read(self, columns: Names | None = None, rows: RowsLike | None = None, where: str | None = None) -> Table:
        """The columns of the rows that are chosen, and of those the ones for which `where` is true."""
        chosen = self._chosen(columns)
        start, stop, numbers = self._row_choice(rows)
        if where is not None:
            numbers = self._matching(where, start, stop, numbers)
        if numbers is None:
            return self._range(chosen, start, stop)
        return self._numbered(chosen, numbers)

    def batches(self, size: int, columns: Names | None, where: str | None, rank: int, world: int) -> Iterator[Table]:
        """The rows in batches of `size`, of which every world-th is this rank's; those without a row are left out."""
        for start, stop in sharded(self._rows, size, rank, world):
            batch = self.read(columns, slice(start, stop), where)
            if len(batch):
                yield batch

    def statistics(self, columns: Names | None, where: str | None, rank: int, world: int) -> dict[str, Statistics]:
        """Of the rows that `batches` goes through."""
        names = table_statistics.numbers_of(self.read(columns, slice(0, 0)), columns)
        if not names:
            return {}
        batches = self.batches(table_statistics.ROWS, names, where, rank, world)
        return table_statistics.statistics(batches, names)

    def _matching(self, where: str, start: int, stop: int, numbers: Tensor | None) -> Tensor:
        """The rows of the range for which the condition is true; of `numbers` those, in their order."""
        found: Tensor = self._call(FILTER_ROWS, where, start, stop)
        if numbers is None:
            return found
        true = torch.zeros(stop - start, dtype=torch.bool)
        true[found - start] = True
        return numbers[true[numbers - start]]

    def _row_choice(self, rows: RowsLike | None) -> tuple[int, int, Tensor | None]:
        """Rows as a range [start, stop), or as numbers in it."""
        if rows is None:
            return 0, self._rows, None
        if isinstance(rows, slice):
            start, stop, step = rows.indices(self._rows)
            if step == 1:
                return start, max(start, stop), None
            numbers = torch.tensor(range(start, stop, step), dtype=torch.int64)
        else:
            numbers = torch.as_tensor(rows if isinstance(rows, (Tensor, np.ndarray)) or len(rows) else np.empty(0, int))
            numbers = self._counted(numbers.cpu())
        if len(numbers) == 0:
            return 0, 0, None
        return int(numbers.min()), int(numbers.max()) + 1, numbers

    def _counted(self, rows: Tensor) -> Tensor:
        """Row numbers from 0, of numbers that may count from the end, or of a mask."""
        if rows.dtype == torch.bool and rows.shape == (self._rows,):
            return rows.nonzero().squeeze(1)
        if rows.dim() != 1 or rows.dtype.is_floating_point or rows.dtype.is_complex or rows.dtype == torch.bool:
            raise ValueError(
                f"rows= is a slice, integers [m] or a mask [{self._rows}], not {rows.dtype} {list(rows.shape)}"
            )
        rows = rows.to(torch.int64)
        wrong = (rows < -self._rows) | (rows >= self._rows)
        if bool(wrong.any()):
            raise IndexError(
                f"{self._source.name}[{self._index}]: there is no row {int(rows[wrong][0])}: the table has {self._rows}"
            )
        return torch.where(rows < 0, rows + self._rows, rows)

    def _range(self, chosen: dict[str, Field], start: int, stop: int) -> Table:
        plain = [field.key for field in chosen.values() if not field.jagged]
        # An empty list would mean all columns.
        tensors = iter(self._call(READ_COLUMNS, plain, start, stop) if plain else [])
        columns = {}
        for name, field in chosen.items():
            if field.jagged:
                columns[name] = self._jagged(field, start, stop)
            else:
                values = next(tensors)
                columns[name] = _described(values, self._nulls(field, values, start, stop), field)
        return Table._of(columns)

    def _numbered(self, chosen: dict[str, Field], rows: Tensor) -> Table:
        plain = [field.key for field in chosen.values() if not field.jagged]
        tensors = iter(self._call(READ_ROWS, rows, plain) if plain else [])
        columns = {}
        for name, field in chosen.items():
            if field.jagged:
                columns[name] = _by_stretches(partial(self._jagged, field), rows, name)
            else:
                nulls = None
                if field.has_nulls:
                    masks = _by_stretches(partial(self._mask, field), rows, name)
                    nulls = masks.values
                columns[name] = _described(next(tensors), nulls, field)
        return Table._of(columns)

    def _jagged(self, field: Field, start: int, stop: int) -> Column:
        values, offsets = self._call(READ_RAGGED, field.key, start, stop)
        return Column(values, None, offsets, field.text, field.unit, field.description, field.array_shape)

    def _nulls(self, field: Field, values: Tensor, start: int, stop: int) -> Tensor | None:
        """The mask of a column, where it has one; in floats that were integers it becomes NaN."""
        if not field.has_nulls:
            return None
        rows = max(_TOGETHER // max(values[:1].numel(), 1), 1)
        stretches = ((first, min(first + rows, stop)) for first in range(start, stop, rows))
        if values.dtype.is_floating_point:
            for first, last in stretches:
                mask = self._mask(field, first, last).values
                values[first - start : last - start].masked_fill_(mask, torch.nan)
            return None
        if field.letter == "L" and not any(bool(self._mask(field, *part).values.any()) for part in stretches):
            return None
        return self._mask(field, start, stop).values

    def _mask(self, field: Field, start: int, stop: int) -> Column:
        return Column(self._call(READ_NULL_MASK, [field.key], start, stop)[0])


def _described(values: Tensor, nulls: Tensor | None, field: Field) -> Column:
    """A column as it was read, in memory of its own. Logicals have a mask only where one is undefined."""
    if nulls is not None and values.dtype.is_floating_point:  # integers that TSCALn makes floats of
        values.masked_fill_(nulls, torch.nan)
        nulls = None
    if nulls is not None and field.letter == "L" and not bool(nulls.any()):
        nulls = None
    return Column(values, nulls, None, field.text, field.unit, field.description)


def _by_stretches(read: Callable[[int, int], Column], rows: Tensor, name: str) -> Column:
    """Chosen rows, in any order, of what can be read by ranges: memory for what lies between them stays small."""
    distinct, places = torch.unique(rows, return_inverse=True)
    sizes = torch.unique_consecutive(distinct // _STRETCH, return_counts=True)[1].tolist()
    parts = []
    for numbers in distinct.split(sizes) if sizes else [distinct]:
        first, last = (int(numbers[0]), int(numbers[-1]) + 1) if len(numbers) else (0, 0)
        parts.append(read(first, last).take(numbers - first))
    return concatenated(parts, name).take(places)


def sharded(rows: int, size: int, rank: int, world: int) -> Iterable[tuple[int, int]]:
    """The ranges of `size` rows that are rank's of `world`: every world-th, from the rank-th on."""
    if size < 1:
        raise ValueError(f"batches have at least one row, not {size}")
    if not 0 <= rank < world:
        raise ValueError(f"rank is one of 0 to world - 1; rank {rank} of world {world} is not there")
    return ((start, min(start + size, rows)) for start in range(rank * size, rows, world * size))
