"""`Table`: columns as tensors, with units, descriptions and masks of what is missing."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from torchfits import table_join, table_keys, table_statistics
from torchfits.column import Column, concatenated
from torchfits.table_columns import Names, TableColumns
from torchfits.table_group import GroupBy
from torchfits.table_print import printed
from torchfits.table_statistics import Statistics
from torchfits.table_views import Row

if TYPE_CHECKING:
    from typing_extensions import Self

Mask = Tensor | NDArray[np.bool_] | Sequence[bool]
Rows = slice | Tensor | NDArray[Any] | list[int] | list[bool]


class Table(TableColumns):
    """Columns of equal length, by name; the names' case does not matter where it need not.

    >>> stars = torchfits.Table(
    ...     {"ID": [1, 2, 3], "NAME": ["Vega", "Deneb", None], "MAG": torch.tensor([0.03, 1.25, 2.2])},
    ...     units={"MAG": "mag"},
    ... )
    >>> stars["MAG"], stars.units["mag"], len(stars), stars.columns
    (tensor([0.0300, 1.2500, 2.2000]), 'mag', 3, ['ID', 'NAME', 'MAG'])
    >>> stars.filter(stars["MAG"] < 2).sort("MAG", descending=True).strings("NAME").tolist()
    ['Deneb', 'Vega']
    >>> stars[1:]["ID"], stars[[2, 0]]["ID"], stars[0]["NAME"], stars[-1]["NAME"]
    (tensor([2, 3]), tensor([3, 1]), 'Vega', None)

    Columns are given as tensors, NumPy arrays (masked ones too), lists, pairs (values, offsets) for rows of different
    length, or `Column`. Operations return new tables, which share memory where rows stay together, run where the
    tensors are, and keep units, descriptions and masks.
    """

    __slots__ = ()

    # --- Rows --------------------------------------------------------------------------------------------------------

    @overload
    def __getitem__(self, key: str) -> Tensor: ...
    @overload
    def __getitem__(self, key: int | np.integer[Any]) -> Row: ...
    @overload
    def __getitem__(self, key: Rows | list[str]) -> Self: ...
    def __getitem__(self, key: str | int | np.integer[Any] | Rows | list[str]) -> Tensor | Row | Self:
        """A column ``t["RA"]``, columns ``t[["RA"]]``, a row ``t[-1]``, rows ``t[10:20]``, ``t[mask]``, ``t[[3, 1]]``.

        A column whose rows differ in length is a nested tensor.
        """
        if isinstance(key, str):
            column = self.column(key)
            if column.offsets is None:
                return column.values
            return torch.nested.nested_tensor_from_jagged(column.values, column.offsets)
        if isinstance(key, slice):
            return self._sliced(key)
        if isinstance(key, Tensor) and key.dim() > 0:
            return self._chosen(key)
        if isinstance(key, (Sequence, np.ndarray)) and np.ndim(key) == 1:
            if len(key) and all(isinstance(name, str) for name in key):
                return self.select(list(map(str, key)))
            return self._chosen(torch.as_tensor(key) if len(key) else torch.empty(0, dtype=torch.int64))
        try:
            number = operator.index(key)  # type: ignore[arg-type]  # what is none raises
        except TypeError:
            raise TypeError(f"a table is indexed by names, numbers of rows, slices and masks, not by {key!r}") from None
        if not -len(self) <= number < len(self):
            raise IndexError(f"there is no row {number}: the table has {len(self)} rows")
        return Row(self._each(lambda column: column.narrow(number % len(self), number % len(self) + 1))._columns)

    def _sliced(self, key: slice) -> Self:
        start, stop, step = key.indices(len(self))
        if step == 1:
            return self._each(lambda column: column.narrow(start, max(start, stop)))
        return self._chosen(torch.tensor(range(start, stop, step), dtype=torch.int64))

    def _chosen(self, key: Tensor) -> Self:
        if key.dtype == torch.bool:
            return self.filter(key)
        if key.dim() != 1 or key.dtype.is_floating_point or key.dtype.is_complex:
            raise TypeError(f"rows are chosen by integers [m] or a mask [n], not by {key.dtype} {list(key.shape)}")
        rows, count = key.to(self.device, torch.int64), len(self)
        wrong = (rows < -count) | (rows >= count)
        if bool(wrong.any()):
            raise IndexError(f"there is no row {int(rows[wrong][0])}: the table has {count} rows")
        rows = torch.where(rows < 0, rows + count, rows)
        return self._each(lambda column: column.take(rows))

    def __iter__(self) -> Iterator[Row]:
        return (self[number] for number in range(len(self)))

    def filter(self, condition: Mask | Callable[[Self], Mask]) -> Self:
        """The rows for which a mask is true, given as it is or as a function of the table.

        >>> t = Table({"RA": [10.0, 20.0, 30.0], "MAG": [19.0, 21.0, 18.0]})
        >>> t.filter(t["MAG"] < 20)["RA"], t.filter(lambda t: (t["RA"] > 15) & (t["MAG"] < 20))["RA"]
        (tensor([10., 30.], dtype=torch.float64), tensor([30.], dtype=torch.float64))
        """
        if isinstance(condition, str):
            raise TypeError("filter: conditions in words are for reading, torchfits.read(path, where=...); give a mask")
        mask = torch.as_tensor(condition(self) if callable(condition) else condition)
        if mask.dtype != torch.bool or mask.shape != (len(self),):
            raise ValueError(
                f"filter: a mask is bool [{len(self)}], one for each row, not {mask.dtype} {list(mask.shape)}"
            )
        rows = mask.to(self.device).nonzero().squeeze(1)
        return self._each(lambda column: column.take(rows))

    def sort(self, by: Names, descending: bool | Sequence[bool] = False) -> Self:
        """The rows in the order of one column or of several, the first counting most; `descending` for all or for each.

        Rows that are equal stay in their order; missing values come last, whichever the direction.

        >>> Table({"FIELD": [2, 1, 1], "MAG": [20.0, 19.0, 21.0]}).sort(["FIELD", "MAG"], [False, True])["MAG"]
        tensor([21., 19., 20.], dtype=torch.float64)
        """
        names = [by] if isinstance(by, str) else list(by)
        directions = [descending] * len(names) if isinstance(descending, bool) else list(descending)
        if not names or len(directions) != len(names):
            raise ValueError(f"sort: {len(names)} columns are named and {len(directions)} directions given")
        rows = table_keys.order([table_keys.key(self.column(name), name) for name in names], directions)
        return self._each(lambda column: column.take(rows))

    def groupby(self, by: Names, *, dropna: bool = True) -> GroupBy:
        """Rows that agree in these columns; `GroupBy.agg` says what to make of them.

        Rows in which a key is missing are left out, or with ``dropna=False`` form groups of their own, the last.

        >>> Table({"BAND": ["r", "g", "r"], "MAG": [20.0, 19.0, 22.0]}).groupby("BAND").agg({"MAG": "mean"})["MAG_mean"]
        tensor([19., 21.], dtype=torch.float64)
        """
        return GroupBy(self, [by] if isinstance(by, str) else list(by), not dropna)

    def join(
        self,
        other: Table,
        on: Names | Mapping[str, str],
        how: str = "inner",
        suffixes: tuple[str, str] = ("_1", "_2"),
    ) -> Self:
        """Rows of both tables side by side where their keys agree.

        `on`: the columns that must be equal, or a mapping of this table's names to the other's. `how`: ``inner``,
        ``left`` (every row of this table is kept), ``right`` or ``outer``. Rows come in the order of this table's
        (``right``: the other's), each with its partners in their order; ``outer`` has the other's own rows at the end.
        What is missing agrees with nothing. A key is one column in the result, called as here; other names that both
        have get the `suffixes`. Where a row has no partner, floats are NaN and anything else is marked in `nulls`.

        >>> stars, spectra = Table({"ID": [1, 2, 3], "MAG": [9.0, 8.0, 7.0]}), Table({"ID": [3, 1], "Z": [0.5, 0.1]})
        >>> stars.join(spectra, "ID", "left")["Z"]
        tensor([0.1000,    nan, 0.5000], dtype=torch.float64)
        """
        if isinstance(on, Mapping):
            keys = {self.name_of(ours): other.name_of(theirs) for ours, theirs in on.items()}
        else:
            keys = {self.name_of(name): other.name_of(name) for name in ([on] if isinstance(on, str) else on)}
        return self._of(table_join.join(self._columns, other._columns, keys, how, suffixes))

    @classmethod
    def concat(cls, tables: Iterable[Table], *, fill: bool = False) -> Self:
        """Tables one under the other. All must have the same columns, or with ``fill=True`` what lacks is missing.

        >>> Table.concat([Table({"ID": [1]}), Table({"id": [2], "Z": [0.5]})], fill=True)["Z"]
        tensor([   nan, 0.5000], dtype=torch.float64)
        """
        parts = list(tables)
        names = {name.upper(): name for table in reversed(parts) for name in reversed(table.columns)}
        ordered = dict.fromkeys(names[name.upper()] for table in parts for name in table.columns)
        out = {}
        for name in ordered:
            lacking = [number for number, table in enumerate(parts) if name not in table]
            if lacking and not fill:
                raise ValueError(f"concat: table {lacking[0]} has no column {name}; fill=True leaves it missing there")
            kind = next(table.column(name) for table in parts if name in table)
            out[name] = concatenated(
                [table.column(name) if name in table else kind.all_missing(len(table)) for table in parts], name
            )
        return cls._of(out)

    def statistics(self, columns: Names | None = None) -> dict[str, Statistics]:
        """Count, missing values, minimum, maximum, mean and standard deviation of the columns of numbers, by name.

        >>> Table({"MAG": [20.0, 22.0, None], "NAME": ["a", "b", "c"]}).statistics()["MAG"]
        Statistics(count=2, missing=1, min=20.0, max=22.0, mean=21.0, std=1.4142135623730951)
        """
        names = table_statistics.numbers_of(self, columns)
        rows = range(0, len(self), table_statistics.ROWS)
        return table_statistics.statistics((self[start : start + table_statistics.ROWS] for start in rows), names)

    # --- Memory ------------------------------------------------------------------------------------------------------

    def to(self, device: torch.device | str | int, *, non_blocking: bool = False) -> Self:
        """The same on another device."""
        return self._each(lambda column: column.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Self:
        """The same in pinned memory, from which copies to a GPU run beside other work; DataLoader calls it."""
        return self._each(Column.pin_memory)

    def clone(self) -> Self:
        """The same in memory of its own."""
        return self._each(Column.clone)

    def __repr__(self) -> str:
        return printed(self._columns)
