"""`GroupBy`: rows that agree in some columns, and what is made of the others in each group."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from torchfits import table_keys
from torchfits.column import Column, carried, taken

if TYPE_CHECKING:
    from torchfits.table import Table

Functions = str | Sequence[str]


class GroupBy:
    """What `Table.groupby` gives: `agg` makes a table of it with one row for each group, in the order of the keys."""

    __slots__ = ("_groups", "_keys", "_parts", "_table")

    def __init__(self, table: Table, by: Sequence[str], keep_missing: bool) -> None:
        self._table = table
        self._keys = [table.name_of(name) for name in by]
        keys = [table_keys.key(table.column(name), name) for name in self._keys]
        if not keys:
            raise ValueError("groupby: at least one column must be named")
        self._groups = table_keys.groups(keys, keep_missing)
        self._parts: dict[str, _Part] = {}  # what several functions of a column need

    def __len__(self) -> int:
        """The number of groups."""
        return self._groups.total

    @property
    def codes(self) -> Tensor:
        """The number of each row's group, int64 ``[n]``; -1 where a key is missing."""
        return self._groups.number

    def agg(self, functions: Mapping[str, Functions] | None = None, /, **named: str | tuple[str, str]) -> Table:
        """One row for each group: its keys, and what the functions make of the other columns.

        >>> stars = Table({"FIELD": [7, 7, 9], "MAG": [20.0, 22.0, 19.5]})
        >>> stars.groupby("FIELD").agg({"MAG": ["mean", "min"]}).columns
        ['FIELD', 'MAG_mean', 'MAG_min']
        >>> stars.groupby("FIELD").agg(stars="size", faintest=("MAG", "max"))["faintest"]
        tensor([22.0000, 19.5000], dtype=torch.float64)

        Functions skip what is missing (nulls and NaN), as pandas does: ``count`` of the values, ``sum``, ``mean``,
        ``std`` (with n - 1), ``min``, ``max``, ``first``, ``any``, ``all``; ``size`` is the number of rows. Sums of
        integers are int64 (of uint64 uint64), of floats float64; means and deviations are float64. Where nothing is
        left: count and sum 0, any False, all True, else missing. Columns of arrays are taken element by element,
        strings have count, min, max and first.
        """
        from torchfits.table import Table

        wanted: dict[str, tuple[str | None, str]] = {}
        for name, asked in (functions or {}).items():
            for function in [asked] if isinstance(asked, str) else asked:
                wanted[f"{self._table.name_of(name)}_{function}"] = (name, function)
        for result, how in named.items():
            wanted[result] = (None, how) if isinstance(how, str) else how
        out = Table()
        for name in self._keys:
            out[name] = self._table.column(name).take(self._groups.first)
        for result, (column, function) in wanted.items():
            if result in out.columns:
                raise ValueError(f"agg: two columns of the result would be called {result}; name one otherwise")
            out[result] = self._aggregate(column, function)
        self._parts.clear()
        return out

    def _aggregate(self, name: str | None, function: str) -> Column:
        if function == "size":
            inside = self.codes[self.codes >= 0]
            return Column(torch.bincount(inside, minlength=len(self)))
        if function not in _FUNCTIONS:
            raise ValueError(f"agg: there is no function {function!r}; there are size, {', '.join(_FUNCTIONS)}")
        if name is None:
            raise ValueError(
                f"agg: {function} is of a column: give (name of the column, {function!r}); size is of none"
            )
        column = self._table.column(name)
        if column.is_jagged and function not in ("count", "first"):
            raise TypeError(f"agg: {function} of {name}: columns whose rows differ in length have count and first only")
        if column.text and function not in ("count", "first", "min", "max"):
            raise TypeError(f"agg: {function} of {name}: strings have count, first, min and max only")
        if column.dtype.is_complex and function not in ("count", "first", "sum", "mean"):
            raise TypeError(f"agg: {function} of {name}: complex numbers have count, first, sum and mean only")
        name = self._table.name_of(name)
        if name not in self._parts:
            self._parts[name] = self._part(column, name)
        return _FUNCTIONS[function](self._parts[name])

    def _part(self, column: Column, name: str) -> _Part:
        if len(self.codes) == 0 or int(self.codes.amin()) >= 0:
            return _Part(column, self.codes, len(self), name)
        inside = (self.codes >= 0).nonzero().squeeze(1)
        return _Part(column.take(inside), taken(self.codes, inside), len(self), name)


class _Part:
    """A column and the groups of its rows. `valid` is None where nothing is missing."""

    def __init__(self, column: Column, codes: Tensor, count: int, name: str) -> None:
        self.column, self.codes, self.groups, self.name = column, codes, count, name
        missing = column.missing()
        self.valid = ~missing if bool(missing.any()) else None

    def summed(self, values: Tensor) -> Tensor:
        """The sum in each group."""
        return values.new_zeros(self.groups, *values.shape[1:]).index_add_(0, self.codes, values)

    def kept(self, values: Tensor, other: float) -> Tensor:
        """Values, or the other one where they are missing."""
        return values if self.valid is None else torch.where(self.valid, values, other)

    @cached_property
    def counts(self) -> Tensor:
        """How many values each group has."""
        if self.valid is not None:
            return self.summed(self.valid.to(torch.int64))
        sizes = torch.bincount(self.codes, minlength=self.groups)
        cell = self.column.mask_shape[1:]
        return sizes.view(-1, *[1] * len(cell)).expand(-1, *cell).contiguous()

    @cached_property
    def numbers(self) -> Tensor:
        """The values as float64 (or complex128), 0 where missing."""
        dtype = torch.complex128 if self.column.dtype.is_complex else torch.float64
        return self.kept(self.column.values.to(dtype), 0.0)

    @cached_property
    def totals(self) -> Tensor:
        return self.summed(self.numbers)

    def extreme(self, values: Tensor, which: str, start: float) -> Tensor:
        """The least (amin) or greatest (amax) in each group, `start` where there is none."""
        out = values.new_full((self.groups, *values.shape[1:]), start)
        codes = self.codes.view(-1, *[1] * (values.dim() - 1)).expand_as(values)
        return out.scatter_reduce_(0, codes, self.kept(values, start), which)

    def made(self, values: Tensor, missing: Tensor | None = None) -> Column:
        """A column of the result, with the unit."""
        column = Column(values, unit=self.column.unit)
        return column if missing is None or not bool(missing.any()) else column.with_missing(missing)


def _count(part: _Part) -> Column:
    return Column(part.counts)


def _sum(part: _Part) -> Column:
    return part.made(_total(part))


def _total(part: _Part) -> Tensor:
    values = part.column.values
    if values.dtype == torch.uint64:  # modulo 2^64, as sums of uint64 are
        return part.summed(part.kept(values.view(torch.int64), 0)).view(torch.uint64)
    if values.dtype.is_complex or values.dtype.is_floating_point:
        return part.totals
    return part.summed(part.kept(values.to(torch.int64), 0))


def _mean(part: _Part) -> Column:
    return part.made(part.totals / part.counts)  # 0 / 0 is NaN: missing


def _std(part: _Part) -> Column:
    away = part.kept(part.numbers - taken(part.totals / part.counts, part.codes), 0.0)
    variance = part.summed(away * away) / (part.counts - 1).clamp(min=0)
    return part.made(torch.where(part.counts > 1, variance, torch.nan).sqrt())


def _ranked(part: _Part, which: str) -> Column:
    """The least or greatest string of each group, by a row that has it."""
    ranks = table_keys.groups([table_keys.key(part.column, part.name)], keep_missing=True)
    best = part.extreme(ranks.number, which, ranks.total if which == "amin" else -1)
    none = part.counts == 0
    first = torch.cat([ranks.first, ranks.first.new_full((1,), -1)])  # one more, for groups without a value
    return part.column.take_or_missing(first[torch.where(none, -1, best)])


def _min(part: _Part) -> Column:
    return _extreme(part, "amin")


def _max(part: _Part) -> Column:
    return _extreme(part, "amax")


def _extreme(part: _Part, which: str) -> Column:
    if part.column.text:
        return _ranked(part, which)
    values, dtype, none = part.column.values, part.column.dtype, part.counts == 0
    if dtype in (torch.float32, torch.float64):  # NaN is missing, and there is one zero
        best = part.extreme(values, which, torch.inf if which == "amin" else -torch.inf)
        return part.made(torch.where(none, 0.0, best) + 0.0, none)
    limit = torch.iinfo(torch.int64)
    best = part.extreme(table_keys.ordered(values), which, limit.max if which == "amin" else limit.min)
    return part.made(table_keys.unordered(torch.where(none, 0, best), dtype), none)


def _first(part: _Part) -> Column:
    """Of arrays the first row that has a value at all."""
    count = len(part.column)
    rows = torch.arange(count, device=part.codes.device)
    valid = part.valid
    if valid is not None:
        rows = torch.where(valid.flatten(1).any(1) if valid.dim() > 1 else valid, rows, count)
    best = rows.new_full((part.groups,), count).scatter_reduce_(0, part.codes, rows, "amin")
    return part.column.take_or_missing(torch.where(best < count, best, -1))


def _any(part: _Part) -> Column:
    return Column(part.summed(part.kept(carried(part.column.values) != 0, False).to(torch.int64)) > 0)


def _all(part: _Part) -> Column:
    return Column(part.summed(part.kept(carried(part.column.values) == 0, False).to(torch.int64)) == 0)


_FUNCTIONS: dict[str, Callable[[_Part], Column]] = {
    "count": _count,
    "sum": _sum,
    "mean": _mean,
    "std": _std,
    "min": _min,
    "max": _max,
    "first": _first,
    "any": _any,
    "all": _all,
}
