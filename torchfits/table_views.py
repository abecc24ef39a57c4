"""What a `Table` shows of its columns: units, descriptions and masks as mappings, and one row as one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping, MutableMapping
from dataclasses import replace
from typing import Any, Literal, TypeVar

from torch import Tensor

from torchfits import table_text
from torchfits.column import Column
from torchfits.table_input import as_column

Value = TypeVar("Value")


def found(columns: Collection[str], name: str) -> str:
    """The name of a column as the table has it: the same, or the only one that differs in case alone."""
    if name in columns:
        return name
    alike = [known for known in columns if known.upper() == str(name).upper()]
    if len(alike) == 1:
        return alike[0]
    if alike:
        raise KeyError(
            f"column {name}: {' and '.join(alike)} differ from it in case alone; write the one that is meant"
        )
    raise KeyError(f"there is no column {name}; there are {', '.join(columns) or 'none'}")


class _View(MutableMapping[str, Value]):
    """What some columns have, by their names."""

    __slots__ = ("_columns",)

    def __init__(self, columns: dict[str, Column]) -> None:
        self._columns = columns

    @abstractmethod
    def _get(self, column: Column) -> Value | None: ...

    @abstractmethod
    def _set(self, column: Column, value: Value | None, name: str) -> Column: ...

    def __getitem__(self, name: str) -> Value:
        value = self._get(self._columns[found(self._columns, name)])
        if value is None:
            raise KeyError(name)
        return value

    def __setitem__(self, name: str, value: Value | None) -> None:
        known = found(self._columns, name)
        self._columns[known] = self._set(self._columns[known], value, known)

    def __delitem__(self, name: str) -> None:
        _ = self[name]
        self[name] = None

    def __iter__(self) -> Iterator[str]:
        return (name for name, column in self._columns.items() if self._get(column) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return repr(dict(self))


class Facts(_View[str]):
    """Units or descriptions."""

    __slots__ = ("_fact",)

    def __init__(self, columns: dict[str, Column], fact: Literal["unit", "description"]) -> None:
        super().__init__(columns)
        self._fact = fact

    def _get(self, column: Column) -> str | None:
        return getattr(column, self._fact) or None

    def _set(self, column: Column, value: str | None, name: str) -> Column:
        return replace(column, unit=value or "") if self._fact == "unit" else replace(column, description=value or "")


class Nulls(_View[Tensor]):
    """Masks of missing values."""

    __slots__ = ()

    def _get(self, column: Column) -> Tensor | None:
        return column.nulls

    def _set(self, column: Column, value: Tensor | None, name: str) -> Column:
        return as_column(replace(column, nulls=value), name)


class Row(Mapping[str, Any]):
    """One row: numbers, bools and strings as Python's, arrays as tensors, None where the value is missing.

    >>> Table({"ID": [1, 2], "NAME": ["Vega", None], "XY": [[1.0, 2.0], [3.0, 4.0]]})[-1]
    Row(ID=2, NAME=None, XY=tensor([3., 4.], dtype=torch.float64))
    """

    __slots__ = ("_columns",)

    def __init__(self, columns: Mapping[str, Column]) -> None:
        """`columns` have one row."""
        self._columns = columns

    def __getitem__(self, name: str) -> Any:
        return value_of(self._columns[found(self._columns, name)])

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __repr__(self) -> str:
        return f"Row({', '.join(f'{name}={value!r}' for name, value in self.items())})"


def value_of(column: Column) -> Any:
    """What a column of one row holds."""
    if column.nulls is not None and bool(column.nulls.all()) and not column.cell_shape:
        return None
    if column.text:
        strings = table_text.strings(column)[0]
        return strings if column.cell_shape else str(strings)
    if column.is_jagged:
        return column.values
    return column.values[0] if column.cell_shape else column.values[0].item()
