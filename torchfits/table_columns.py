"""`TableColumns`: the columns of a `Table` and what belongs to them. `Table` adds what is done with rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from torchfits import table_keys, table_text
from torchfits.column import Column
from torchfits.table_input import as_column
from torchfits.table_interchange import Interchange
from torchfits.table_views import Facts, Nulls, found

if TYPE_CHECKING:
    from typing_extensions import Self

Names = str | Iterable[str]


class Categories(NamedTuple):
    """The distinct values of a column, in order, and the number of each row's: int64 ``[n]``, -1 where missing."""

    codes: Tensor
    values: list[Any]


class TableColumns(Interchange):
    """Columns of equal length by name."""

    __slots__ = ()

    def __init__(
        self,
        columns: Mapping[str, object] | None = None,
        *,
        units: Mapping[str, str] | None = None,
        descriptions: Mapping[str, str] | None = None,
        nulls: Mapping[str, Tensor] | None = None,
    ) -> None:
        self._columns: dict[str, Column] = {}
        for name, column in (columns or {}).items():
            self[name] = column
        self.units.update(units or {})
        self.descriptions.update(descriptions or {})
        self.nulls.update(nulls or {})

    def _each(self, change: Callable[[Column], Column]) -> Self:
        return self._of({name: change(column) for name, column in self._columns.items()})

    # --- Columns -----------------------------------------------------------------------------------------------------

    @property
    def columns(self) -> list[str]:
        """The names, in order."""
        return list(self._columns)

    @property
    def units(self) -> Facts:
        """The units of the columns that have one, by name; can be set."""
        return Facts(self._columns, "unit")

    @property
    def descriptions(self) -> Facts:
        """The descriptions of the columns that have one, by name; can be set."""
        return Facts(self._columns, "description")

    @property
    def nulls(self) -> Nulls:
        """Masks, true where a value is missing, of the columns that have one, by name; can be set.

        NaN is missing whether or not a mask says so.
        """
        return Nulls(self._columns)

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return next((column.device for column in self._columns.values()), torch.device("cpu"))

    def name_of(self, name: str) -> str:
        """The name of a column as the table has it: the same, or the only one that differs in case alone."""
        return found(self._columns, name)

    def column(self, name: str) -> Column:
        """A column with all that belongs to it: values, offsets, mask, unit, description."""
        return self._columns[self.name_of(name)]

    def strings(self, name: str) -> NDArray[np.str_]:
        """A column of strings as a NumPy array of str, without the blanks at their ends.

        >>> Table({"NAME": ["M31", "M33 "]}).strings("NAME")
        array(['M31', 'M33'], dtype='<U4')
        """
        column = self.column(name)
        if not column.text:
            raise TypeError(f"column {name} holds {column.type_name}, not strings")
        return table_text.strings(column)

    def categories(self, name: str) -> Categories:
        """The distinct values of a column and the number of each row's: what an embedding takes.

        >>> Table({"BAND": ["r", "g", "r", None]}).categories("BAND")
        Categories(codes=tensor([ 1,  0,  1, -1]), values=['g', 'r'])
        """
        column = self.column(name)
        groups = table_keys.groups([table_keys.key(column, name)], keep_missing=False)
        distinct = column.take(groups.first)
        return Categories(groups.number, (table_text.strings(distinct) if column.text else distinct.values).tolist())

    def ragged(self, name: str, *, shaped: bool = False) -> tuple[Tensor, Tensor]:
        """The values of a column whose rows differ in length, end to end, and int64 offsets ``[n + 1]``.

        With `shaped`, in the shape that TDIMn gives the arrays: of TDIMn = (3,4,10) the values are ``[total, 4, 3]``,
        and row i is ``values[offsets[i]:offsets[i + 1]]``, however many those are. Without TDIMn as they are.
        """
        column = self.column(name)
        if column.offsets is None:
            raise TypeError(f"column {name} has rows of one length, {column.type_name}: t[{name!r}] is its tensor")
        inner = column.array_shape[1:] if shaped else ()
        size = math.prod(inner)
        lengths = column.offsets.diff()
        wrong = lengths % size != 0
        if bool(wrong.any()):
            row = int(wrong.nonzero()[0])
            raise ValueError(
                f"column {name}: row {row} has {int(lengths[row])} values, which are no arrays of {size} as TDIMn says "
                f"({','.join(map(str, reversed(column.array_shape)))}); without shaped=True they come as they are"
            )
        return column.values.view(-1, *inner) if inner else column.values, column.offsets // size

    def select(self, columns: Names) -> Self:
        """A table of these columns, in this order."""
        names = [columns] if isinstance(columns, str) else columns
        return self._of({(known := self.name_of(name)): self._columns[known] for name in names})

    def rename(self, names: Mapping[str, str]) -> Self:
        """A table with other names for some columns: ``t.rename({"RAJ2000": "RA"})``."""
        new = {self.name_of(old): name for old, name in names.items()}
        renamed = [(new.get(name, name), column) for name, column in self._columns.items()]
        out = self._of(dict(renamed))
        if len(out._columns) < len(renamed):
            raise ValueError(f"rename: two columns would have one name; the names would be {[n for n, _ in renamed]}")
        return out

    def __setitem__(self, name: str, value: object) -> None:
        """Adds a column, or replaces one with its unit, description and mask. One value is taken for all rows."""
        known = next((column for column in self._columns if column.upper() == name.upper()), name)
        known = name if name in self._columns else known
        others = [column for other, column in self._columns.items() if other != known]
        if others and (np.isscalar(value) or (isinstance(value, Tensor) and value.dim() == 0)):
            one = as_column(value.reshape(1) if isinstance(value, Tensor) else [value], name)
            column = one.take(torch.zeros(len(others[0]), dtype=torch.int64, device=one.device))
        else:
            column = as_column(value, name)
        if others and not isinstance(value, (Tensor, Column, tuple)):
            column = column.to(others[0].device)
        if others and column.device != others[0].device:
            raise ValueError(f"column {name} is on {column.device}, the table on {others[0].device}")
        if others and len(column) != len(others[0]):
            raise ValueError(f"column {name} has {len(column)} rows, the table {len(others[0])}")
        self._columns[known] = column

    def __delitem__(self, name: str) -> None:
        del self._columns[self.name_of(name)]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(name.upper() == known.upper() for known in self._columns)

    def __len__(self) -> int:
        return next((len(column) for column in self._columns.values()), 0)
