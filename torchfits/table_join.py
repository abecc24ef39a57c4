"""Joins: rows of two tables side by side where their keys agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from torchfits import table_keys
from torchfits.column import Column, concatenated, ends, taken
from torchfits.table_keys import Key

HOW = ("inner", "left", "right", "outer")
Columns = Mapping[str, Column]


def join(
    left: Columns, right: Columns, on: Mapping[str, str], how: str, suffixes: tuple[str, str]
) -> dict[str, Column]:
    """The columns of `Table.join`; `on` has names of the left table and, for each, the right one's."""
    if how not in HOW:
        raise ValueError(f"join: how is one of {', '.join(HOW)}, not {how!r}")
    if not on:
        raise ValueError("join: at least one column must be named")
    if how == "right":
        right_rows, left_rows = _pairs([(right[theirs], left[ours], ours) for ours, theirs in on.items()], True)
    else:
        pairs = [(left[ours], right[theirs], ours) for ours, theirs in on.items()]
        left_rows, right_rows = _pairs(pairs, how != "inner")
        if how == "outer":
            alone = _unmatched(right_rows, len(next(iter(right.values()))))
            left_rows = torch.cat([left_rows, torch.full_like(alone, -1)])
            right_rows = torch.cat([right_rows, alone])
    out: dict[str, Column] = {}
    taken = set(on.values())
    shared = {name.upper() for name in left if name not in on} & {name.upper() for name in right if name not in taken}
    keys = {name.upper() for name in on}
    for name, column in left.items():
        if name in on:
            out[name] = _key_column(column, right[on[name]], left_rows, right_rows, name)
        else:
            _add(out, name + suffixes[0] if name.upper() in shared else name, column.take_or_missing(left_rows))
    for name, column in right.items():
        if name not in taken:
            twice = name.upper() in shared or name.upper() in keys
            _add(out, name + suffixes[1] if twice else name, column.take_or_missing(right_rows))
    return out


def _add(out: dict[str, Column], name: str, column: Column) -> None:
    if name in out:
        raise ValueError(f"join: two columns would be called {name}; rename one of them, or give other suffixes")
    out[name] = column


def _key_column(left: Column, right: Column, left_rows: Tensor, right_rows: Tensor, name: str) -> Column:
    """The key of each row: the left table's, or where the row is the right one's alone, its."""
    alone = left_rows < 0
    if not bool(alone.any()):
        return left.take(left_rows)
    unit = left.unit or right.unit
    right = replace(right, unit=unit)  # keys that matched are equal, as numbers; whose unit is given counts
    both = concatenated([replace(left, unit=unit), right], name)
    return both.take(torch.where(alone, right_rows + len(left), left_rows))


def _pairs(columns: Sequence[tuple[Column, Column, str]], keep: bool) -> tuple[Tensor, Tensor]:
    """Row numbers of both tables for each pair that agrees, in the order of the first table's rows, then the second's.

    `keep`: rows of the first that agree with none are there too, once, with -1.
    """
    size = len(columns[0][0])
    keys = [_joined(*table_keys.comparable(*pair)) for pair in columns]
    equal = table_keys.first_equal(keys, size)
    equal = torch.where(equal < 0, -1, equal - size)
    first, second = equal[:size], equal[size:]  # the first row of the second that has their key, -1 where there is none
    count = len(second)
    own = torch.arange(count, device=equal.device)
    if bool((second == torch.where(second < 0, -1, own)).all()):  # no key twice: a row has one partner at most
        rows = torch.arange(size, device=equal.device) if keep else (first >= 0).nonzero().squeeze(1)
        return rows, first if keep else taken(first, rows)
    matching = second >= 0
    per_key = torch.bincount(second[matching], minlength=count)
    rows = torch.sort(second, stable=True).indices[int((~matching).sum()) :]  # by key; those that miss one come first
    matches = taken(torch.cat([per_key, per_key.new_zeros(1)]), first % (count + 1))
    repeats = matches.clamp(min=1) if keep else matches
    first_rows = torch.repeat_interleave(torch.arange(size, device=equal.device), repeats)
    nth = torch.arange(len(first_rows), device=equal.device) - taken(ends(repeats)[:-1], first_rows)
    found = taken(matches, first_rows) > 0
    starts = taken(ends(per_key), first % (count + 1))
    places = torch.where(found, taken(starts, first_rows) + nth, len(rows))
    return first_rows, taken(torch.cat([rows, rows.new_full((1,), -1)]), places)


def _joined(first: Key, second: Key) -> Key:
    words = [torch.cat(pair) for pair in zip(first.words, second.words)]
    if first.missing is None and second.missing is None:
        return Key(words, None)
    masks = [
        one.words[0].new_zeros(len(one.words[0]), dtype=torch.bool) if one.missing is None else one.missing
        for one in (first, second)
    ]
    return Key(words, torch.cat(masks))


def _unmatched(rows: Tensor, count: int) -> Tensor:
    """Which of `count` rows are not among these."""
    seen = torch.zeros(count, dtype=torch.bool, device=rows.device)
    seen[rows[rows >= 0]] = True
    return (~seen).nonzero().squeeze(1)
