"""Values of any type as words, int64, whose order is that of the values: what sorting, grouping and joining compare.

A float's word is its bits, those below zero turned round; of an unsigned 64-bit integer the highest bit is flipped;
strings are their places among the distinct ones, or where most differ words of eight bytes each. Words are exact: no
two values share them, but for -0.0 and 0.0. Words whose ranges are small are put together into one, and order by
several is made of stable sorts by one, the last first. Rows that agree are found by a table of hashes where many do.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import NamedTuple

import torch
from torch import Tensor

from torchfits import table_text
from torchfits.column import Column, taken

_LOW, _HIGH = -(2**63), 2**63 - 1
_FEW = 1024
_SLOTS = 1 << 16  # of the first table of hashes: it stays in the caches
_MOST_SLOTS = 1 << 25
_TOGETHER = 1 << 16
_MIX = -0x61C8864680B583EB  # 2^64 divided by the golden ratio, as int64


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
        return _key(_of_strings(_characters(column)), column.nulls)
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


def _characters(column: Column) -> Tensor:
    """The bytes of strings as they are held, ``[n, width]``."""
    return column.values if column.offsets is None else table_text.padded(column.values, column.offsets)


def _of_strings(values: Tensor) -> list[Tensor]:
    """Where many are alike: the place of each among the distinct ones. Else eight bytes to a word."""
    found = None
    if values.numel():
        held = torch.nn.functional.pad(values, (0, -values.shape[1] % 8)).contiguous().view(torch.int64)
        found = _alike(_packed(held.unbind(1))[0])
    if found is None:
        return _letters(table_text.cut(values))
    number, first = found  # of strings with the same bytes: blanks at their ends may differ still
    return [taken(_groups(_letters(table_text.cut(taken(values, first)))).number, number)]


def _letters(values: Tensor) -> list[Tensor]:
    """Eight bytes each, the first counting most, their order as unsigned numbers."""
    count, width = values.shape
    if width == 0:
        return [torch.zeros(count, dtype=torch.int64, device=values.device)]
    values = torch.nn.functional.pad(values, (0, -width % 8)).view(count, -(-width // 8), 8)
    if values.device.type == "cpu":  # where flip takes five times as long
        words = torch.ops.fits.unpack(values.flatten(), 64, values.shape[:2])
    else:
        words = values.flip(-1).view(torch.int64).squeeze(-1)
    return list((words ^ _LOW).unbind(1))


def comparable(left: Column, right: Column, name: str) -> tuple[Key, Key]:
    """Words of two columns that are equal where their values are, whatever their types."""
    if left.text and right.text and left.is_plain and right.is_plain:
        return _texts(left, right)
    first, second = key(left, name), key(right, name)
    if left.text != right.text:
        raise TypeError(f"column {name}: strings and numbers cannot be compared")
    if _domain(left) == _domain(right):
        return first, second
    return _whole_numbers(left), _whole_numbers(right)


def _texts(left: Column, right: Column) -> tuple[Key, Key]:
    """Strings as words of eight bytes that are equal where they are, in no order."""
    held = [_characters(column) for column in (left, right)]
    width = max(values.shape[1] for values in held)
    width += -width % 8 or (0 if width else 8)
    both = torch.cat([torch.nn.functional.pad(values, (0, width - values.shape[1])) for values in held])
    words = table_text.cut(both).view(torch.int64).unbind(1)
    size = len(left)
    return _key([word[:size] for word in words], left.nulls), _key([word[size:] for word in words], right.nulls)


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
    words = []
    for one, reverse in zip(keys, descending):
        words += [] if one.missing is None else [one.missing.to(torch.int64)]
        words += [~word if reverse else word for word in one.words]
    return _order(_packed(words)[0])


def _order(words: Sequence[Tensor]) -> Tensor:
    rows: Tensor | None = None
    for word in reversed(words):
        moved = torch.sort(word if rows is None else taken(word, rows), stable=True).indices
        rows = moved if rows is None else taken(rows, moved)
    assert rows is not None
    return rows


def _packed(words: Sequence[Tensor]) -> tuple[list[Tensor], int]:
    """At least one word, in the same order: neighbours whose ranges have less than 2^63 pairs share one, from 0 on.

    The number is that of values that the last of them may have.
    """
    out: list[Tensor] = []
    room = 1
    if len(words[0]) == 0:
        return [words[0]], 0
    bounds = torch.stack([torch.stack(word.aminmax()) for word in words]).tolist()  # one wait for a device
    for word, (low, high) in zip(words, bounds):
        span = high - low + 1
        if out and room * span < 2**63:
            out[-1] = out[-1] * span + (word - low) if span > 1 else out[-1]
            room *= span
        elif span > 1 or (not out and word is words[-1]):
            out.append(word - low if span < 2**62 else word)  # one that can share is from 0 on
            room = span
    return out, room


class Groups(NamedTuple):
    """Rows with equal words are a group: the number of each row's, how many there are, and the first row of each."""

    number: Tensor  # int64 [n]; -1 where a key is missing
    total: int
    first: Tensor  # int64 [count]


def groups(keys: Sequence[Key], keep_missing: bool) -> Groups:
    """Groups in the order of their keys. Rows in which a key is missing are in none, or their own, the last."""
    masks = [one.missing for one in keys if one.missing is not None]
    if keep_missing or not masks:
        parts = [[*([] if one.missing is None else [one.missing.to(torch.int64)]), *one.words] for one in keys]
        return _groups([word for words in parts for word in words])
    inside = (~torch.stack(masks).any(0)).nonzero().squeeze(1)
    found = _groups([taken(word, inside) for one in keys for word in one.words])
    number = torch.full_like(keys[0].words[0], -1).scatter_(0, inside, found.number)
    return Groups(number, found.total, taken(inside, found.first))


def _groups(words: Sequence[Tensor]) -> Groups:
    """Numbers that lie close together, as those of objects, fields and classes do, are counted; of others that many
    rows share the distinct ones are sorted, else all."""
    words, room = _packed(words)
    if len(words) == 1 and room < 2 * len(words[0]) + _FEW:
        return _counted(words[0], room)
    found = _alike(words)
    if found is None:
        return _sorted(words)
    number, first = found
    distinct = _sorted([taken(word, first) for word in words])
    return Groups(taken(distinct.number, number), distinct.total, taken(first, distinct.first))


def _counted(values: Tensor, room: int) -> Groups:
    """Groups of rows by values from 0 to room - 1."""
    rows = torch.arange(len(values), device=values.device)
    earliest = rows.new_full((room,), len(values)).scatter_reduce_(0, values, rows, "amin")
    present = earliest < len(values)
    first = earliest[present]
    return Groups(taken(present.cumsum(0) - 1, values), len(first), first)


def _alike(words: Sequence[Tensor]) -> tuple[Tensor, Tensor] | None:
    """Numbers of rows, the same for equal ones, and the first row of each number; None where most rows differ."""
    size = len(words[0])
    equal = _first_equal(words, 0, _SLOTS, size // 2)
    if equal is None:
        return None
    is_first = equal == torch.arange(size, device=equal.device)
    return taken(is_first.cumsum(0) - 1, equal), is_first.nonzero().squeeze(1)


def first_equal(keys: Sequence[Key], start: int) -> Tensor:
    """For each row the first row from `start` on whose keys are the same; -1 where there is none, or a key misses."""
    masks = [one.missing for one in keys if one.missing is not None]
    words = [word for one in keys for word in one.words]
    if masks:
        inside = (~torch.stack(masks).any(0)).nonzero().squeeze(1)
        before = int((inside < start).sum())
        found = first_equal([Key([taken(word, inside) for word in words], None)], before)
        found = torch.where(found < 0, -1, taken(inside, found.clamp(min=0))) if len(inside) else found
        return torch.full_like(words[0], -1).scatter_(0, inside, found)
    words, room = _packed(words)
    count = len(words[0])
    if len(words) == 1 and room < 2 * count + _FEW:
        rows = torch.arange(start, count, device=words[0].device)
        winners = rows.new_full((room,), count).scatter_reduce_(0, words[0][start:], rows, "amin")
        found = taken(winners, words[0])
        return torch.where(found < count, found, -1)
    found_or_none = _first_equal(words, start, _slots_for(count - start), count)
    assert found_or_none is not None
    return found_or_none


def _first_equal(words: Sequence[Tensor], start: int, slots: int, most: int) -> Tensor | None:
    """For each row the first row from `start` on that is equal, -1 where there is none.

    Each row is looked up in a table by a hash of its words, where the first row of that hash is. Those that are not
    equal to it have another turn, by another hash. None where after the first turn more than `most` are left.
    """
    size = len(words[0])
    equal = left = torch.arange(size, device=words[0].device)
    own, known = words, start  # rows that are left, and how many of them are looked up only
    for turn in count():
        found, differs = torch.empty_like(left), torch.empty_like(left, dtype=torch.bool)
        for part in _stretches(left):
            found[part] = _hashed([word[part] for word in own], turn, slots)
        winners = left.new_full((slots,), size).scatter_reduce_(0, found[known:], left[known:], "amin")
        for part in _stretches(left):
            found[part], differs[part] = _looked_up(words, [word[part] for word in own], winners, found[part])
        equal = found if turn == 0 else equal.scatter_(0, left, found)
        again = differs.nonzero().squeeze(1)
        if turn == 0 and len(again) > most:
            return None
        left = taken(left, again)
        known = int((left < start).sum()) if start > 0 else 0
        if known == len(left):  # nothing is left that they could be equal to
            return equal.index_fill_(0, left, -1)
        own = [taken(word, left) for word in words]
        slots = _slots_for(len(left) - known)
    raise AssertionError("turns do not end")


def _slots_for(rows: int) -> int:
    """Four to eight for each; of very many rows some have more turns instead."""
    return min(1 << (4 * rows).bit_length(), _MOST_SLOTS)


def _stretches(rows: Tensor) -> list[slice]:
    """Of a processor's rows so few at a time that what is made of them stays in its caches; of a device's all."""
    step = _TOGETHER if rows.device.type == "cpu" else max(len(rows), 1)
    return [slice(start, start + step) for start in range(0, len(rows), step)]


def _looked_up(
    words: Sequence[Tensor], own: Sequence[Tensor], winners: Tensor, places: Tensor
) -> tuple[Tensor, Tensor]:
    """The rows at some places of a table, -1 where there is none, and whether those that are there differ."""
    found = taken(winners, places)
    none = found == len(words[0])
    found.masked_fill_(none, 0)
    differs = torch.zeros_like(none)
    for word, mine in zip(words, own):
        differs |= taken(word, found) != mine
    return found.masked_fill_(none, -1), differs & ~none


def _hashed(words: Sequence[Tensor], turn: int, slots: int) -> Tensor:
    """A number below `slots`, a power of two, of the words of each row; another one each turn."""
    mixed = torch.full_like(words[0], turn)
    for word in words:
        mixed = (mixed ^ (mixed >> 29)).add_(word).mul_(_MIX)
    mixed = (mixed ^ (mixed >> 32)).mul_(_MIX)
    return (mixed >> (65 - slots.bit_length())).bitwise_and_(slots - 1)


def _sorted(words: Sequence[Tensor]) -> Groups:
    """Groups of rows by any words."""
    rows = _order(words)
    begins = torch.zeros(len(rows), dtype=torch.bool, device=rows.device)
    begins[:1] = True
    for word in words:
        in_order = taken(word, rows)
        begins[1:] |= in_order[1:] != in_order[:-1]
    number = torch.empty_like(rows).scatter_(0, rows, begins.cumsum(0) - 1)
    first = rows[begins]
    return Groups(number, len(first), first)
