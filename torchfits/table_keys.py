"""Values of any type as words, int64, whose order is that of the values: what sorting, grouping and joining compare.

A float's word is its bits, those below zero turned round; of an unsigned 64-bit integer the highest bit is flipped;
strings are words of eight bytes each. Words are exact: no two values share them, but for -0.0 and 0.0. Order by several
words is made of stable sorts by one, the last first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from torchfits import table_text
from torchfits.column import Column, taken

_LOW, _HIGH = -(2**63), 2**63 - 1
_FEW = 1024


class Key(NamedTuple):
    """The words of a column, each ``[n]``, the first counting most, and a mask of what is missing (or None)."""

    words: list[Tensor]
    missing: Tensor | None


def key(column: Column, name: str) -> Key:
    """The words of a column. Raises TypeError for columns that have no order."""
    if not column.is_plain or column.dtype.is_complex:
        what = "complex numbers" if column.dtype.is_complex else f"{column.type_name}, more than one value in a row"
        raise TypeError(f"column {name} holds {what}: it cannot be sorted, grouped or joined by")
    if column.text:
        return _key(_of_strings(table_text.rectangle(column)), column.nulls)
    if column.dtype.is_floating_point:
        return _key([ordered(column.values)], column.missing())
    return _key([ordered(column.values)], column.nulls)


def _key(words: list[Tensor], missing: Tensor | None) -> Key:
    """What is missing is alike, whatever lies there."""
    if missing is None or not bool(missing.any()):
        return Key(words, None)
    return Key([torch.where(missing, 0, word) for word in words], missing)


def ordered(values: Tensor) -> Tensor:
    """Numbers as int64 in the same order."""
    if values.dtype == torch.uint64:
        return values.view(torch.int64) ^ _LOW
    if not values.dtype.is_floating_point:
        return values.to(torch.int64)
    bits = (values.to(torch.float64) + 0.0).view(torch.int64)  # + 0.0: there is one zero
    return torch.where(bits < 0, bits ^ _HIGH, bits)


def unordered(words: Tensor, dtype: torch.dtype) -> Tensor:
    """The numbers of this type that `ordered` made these of."""
    if dtype == torch.uint64:
        return (words ^ _LOW).view(torch.uint64)
    if not dtype.is_floating_point:
        return words.to(dtype)
    return torch.where(words < 0, words ^ _HIGH, words).view(torch.float64).to(dtype)


def _of_strings(values: Tensor) -> list[Tensor]:
    """Eight bytes each, the first counting most, their order as unsigned numbers."""
    count, width = values.shape
    if width == 0:
        return [torch.full((count,), _LOW, device=values.device)]
    values = torch.nn.functional.pad(values, (0, -width % 8)).flip(-1).contiguous()
    return list((values.view(torch.int64).flip(-1) ^ _LOW).unbind(1))


def comparable(left: Column, right: Column, name: str) -> tuple[Key, Key]:
    """Words of two columns that are equal where their values are, whatever their types."""
    first, second = key(left, name), key(right, name)
    if left.text != right.text:
        raise TypeError(f"column {name}: strings and numbers cannot be compared")
    if left.text:
        longest = max(len(first.words), len(second.words))
        return _lengthened(first, longest), _lengthened(second, longest)
    if _domain(left) == _domain(right):
        return first, second
    return _whole_numbers(left), _whole_numbers(right)


def _lengthened(one: Key, length: int) -> Key:
    """Strings of more words, the new ones without characters."""
    return _key([*one.words, *[torch.full_like(one.words[0], _LOW)] * (length - len(one.words))], one.missing)


def _domain(column: Column) -> str:
    """Columns of one domain have words that can be compared."""
    if column.dtype.is_floating_point:
        return "float"
    return "uint64" if column.dtype == torch.uint64 else "int64"


def _whole_numbers(column: Column) -> Key:
    """Integers below 2^64 as two words: whether it is 2^63 or more, and its bits. Other floats count as missing."""
    domain, missing = _domain(column), column.missing()
    if domain == "int64":
        bits = column.values.to(torch.int64)
        big = torch.zeros_like(bits)
    elif domain == "uint64":
        bits = column.values.view(torch.int64)
        big = (bits < 0).to(torch.int64)
    else:
        values = column.values.to(torch.float64)
        whole = (values == values.floor()) & (values >= -(2.0**63)) & (values < 2.0**64)
        above = whole & (values >= 2.0**63)
        small = torch.where(whole & ~above, values, 0.0).to(torch.int64)
        large = torch.where(above, values - 2.0**63, 0.0).to(torch.int64) + _LOW
        bits, big, missing = torch.where(above, large, small), above.to(torch.int64), missing | ~whole
    return _key([big, bits], missing)


def order(keys: Sequence[Key], descending: Sequence[bool]) -> Tensor:
    """The rows in order, int64 ``[n]``: by the first key, equal ones by the next, else as they were; missing last."""
    rows: Tensor | None = None
    for one, reverse in reversed(list(zip(keys, descending))):
        words = [~word if reverse else word for word in one.words]
        if one.missing is not None:
            words.insert(0, one.missing.to(torch.int64))
        for word in reversed(words):
            moved = torch.sort(word if rows is None else taken(word, rows), stable=True).indices
            rows = moved if rows is None else taken(rows, moved)
    assert rows is not None
    return rows


class Groups(NamedTuple):
    """Rows with equal words are a group: the number of each row's, how many there are, and the first row of each."""

    number: Tensor  # int64 [n]; -1 where a key is missing
    total: int
    first: Tensor  # int64 [count]


def groups(keys: Sequence[Key], keep_missing: bool) -> Groups:
    """Groups in the order of their keys. Rows in which a key is missing are in none, or their own, the last.

    Numbers that lie close together, as those of objects, fields and classes do, are counted: faster than sorting.
    """
    if len(keys) == 1 and len(keys[0].words) == 1 and keys[0].missing is None and len(keys[0].words[0]):
        word = keys[0].words[0]
        low, high = (int(bound) for bound in word.aminmax())
        if high - low < 2 * len(word) + _FEW:
            return _counted(word - low, high - low + 1)
    return _sorted(keys, keep_missing)


def _counted(values: Tensor, count: int) -> Groups:
    """Groups of rows by values from 0 to count - 1."""
    present = torch.zeros(count, dtype=torch.bool, device=values.device)
    present[values] = True
    number = taken(present.cumsum(0) - 1, values)
    rows = torch.arange(len(values), device=values.device)
    total = int(present.sum())
    first = rows.new_full((total,), len(values)).scatter_reduce_(0, number, rows, "amin")
    return Groups(number, total, first)


def _sorted(keys: Sequence[Key], keep_missing: bool) -> Groups:
    """Groups of rows by any keys."""
    rows = order(keys, [False] * len(keys))
    device = rows.device
    begins = torch.zeros(len(rows), dtype=torch.bool, device=device)
    begins[:1] = True
    outside = torch.zeros(len(rows), dtype=torch.bool, device=device)
    for one in keys:
        for word in one.words if one.missing is None else [*one.words, one.missing]:
            in_order = taken(word, rows)
            begins[1:] |= in_order[1:] != in_order[:-1]
        if one.missing is not None and not keep_missing:
            outside |= taken(one.missing, rows)
    begins &= ~outside
    number = torch.empty_like(rows)
    number[rows] = torch.where(outside, -1, begins.cumsum(0) - 1)
    first = rows[begins]
    return Groups(number, len(first), first)
