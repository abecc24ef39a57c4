"""Statistics of columns, gathered batch by batch, so that a table of any size takes little memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from torchfits.column import carried

if TYPE_CHECKING:
    from torch import Tensor

    from torchfits.column import Column
    from torchfits.table import Table
    from torchfits.table_columns import Names

ROWS = 1 << 18  # of a batch: what is made of a column of them stays in the caches


@dataclass(frozen=True, slots=True)
class Statistics:
    """What is known of the numbers of a column: integers are exact, means and deviations float64.

    Missing values, nulls and NaN, are counted and otherwise left out. `std` is that of a sample, with n - 1. Without a
    value `min` and `max` are None and the rest NaN. Of arrays every element counts.
    """

    count: int
    missing: int
    min: int | float | bool | None
    max: int | float | bool | None
    mean: float
    std: float


class Gathering:
    """The statistics of what has been added so far."""

    def __init__(self) -> None:
        self._count = self._missing = 0
        self._least: float | None = None
        self._most: float | None = None
        self._mean = self._away = 0.0  # and the sum of squared differences from it

    def add(self, column: Column) -> None:
        values, missing = column.values, None
        if column.offsets is None and (column.nulls is not None or values.dtype.is_floating_point):
            missing = column.missing()
        elif values.dtype.is_floating_point:
            missing = values.isnan()
        if missing is not None and bool(missing.any()):
            self._missing += int(missing.sum())
            values = carried(values)[~missing].view(values.dtype)
        values = values.reshape(-1)
        if len(values):
            self._merge(values)

    def _merge(self, values: Tensor) -> None:
        """Means and differences as Chan, Golub and LeVeque (1979) put those of two samples together."""
        low, high = (bound.item() for bound in _bounds(values))
        self._least = low if self._least is None else min(self._least, low)
        self._most = high if self._most is None else max(self._most, high)
        numbers = values.to(torch.float64)
        mean = float(numbers.mean())
        numbers = numbers - mean
        between, old = mean - self._mean, self._count
        self._count += len(values)
        self._mean += between * len(values) / self._count
        self._away += float(numbers.dot(numbers)) + between * between * old * len(values) / self._count

    def result(self) -> Statistics:
        count = self._count
        mean = self._mean if count else math.nan
        std = math.sqrt(self._away / (count - 1)) if count > 1 else math.nan
        return Statistics(count, self._missing, self._least, self._most, mean, std)


def _bounds(values: Tensor) -> tuple[Tensor, Tensor]:
    if values.dtype == torch.uint64:
        turned = values.view(torch.int64) ^ -(2**63)
        low, high = ((bound ^ -(2**63)).view(torch.uint64) for bound in turned.aminmax())
        return low, high
    if values.dtype in (torch.uint16, torch.uint32):
        values = values.to(torch.int64)
    low, high = values.aminmax()
    return low, high


def numbers_of(table: Table, columns: Names | None) -> list[str]:
    """The columns of numbers that have an order; of those that are asked for, every one must be."""
    wanted = table.columns if columns is None else [columns] if isinstance(columns, str) else columns
    out = []
    for name in map(table.name_of, wanted):
        column = table.column(name)
        if not column.text and not column.dtype.is_complex:
            out.append(name)
        elif columns is not None:
            raise TypeError(f"statistics: column {name} holds {column.type_name}, not numbers that have an order")
    return out


def statistics(batches: Iterable[Table], names: Sequence[str]) -> dict[str, Statistics]:
    """Of these columns, by name."""
    gathered = {name: Gathering() for name in names}
    for batch in batches:
        for name, one in gathered.items():
            one.add(batch.column(name))
    return {name: one.result() for name, one in gathered.items()}
