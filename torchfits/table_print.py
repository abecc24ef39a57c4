"""How a `Table` is printed: its first and last rows under names, units and types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torchfits.column import Column
from torchfits.table_views import value_of

_ENDS = 5  # rows that are shown from each end of a longer table
_WIDTH = 120
_CELL = 24


def printed(columns: Mapping[str, Column]) -> str:
    rows = len(next(iter(columns.values()))) if columns else 0
    head = f"<Table of {rows} row{'s' * (rows != 1)}, {len(columns)} column{'s' * (len(columns) != 1)}"
    numbers = list(range(rows)) if rows <= 2 * _ENDS else [*range(_ENDS), *range(rows - _ENDS, rows)]
    has_units = any(column.unit for column in columns.values())
    lines = [head]
    room = _WIDTH - 1
    texts: list[list[str]] = []
    for name, column in columns.items():
        cells = [name, *([column.unit] if has_units else []), column.type_name]
        cells += [_cell(column.narrow(number, number + 1)) for number in numbers]
        if len(numbers) < rows:
            cells.insert(len(cells) - _ENDS, "...")
        width = max(map(len, cells))
        room -= width + 2
        if room < 5 and texts:
            texts.append(["..."] * len(cells))
            break
        right = not column.text and not column.is_jagged and not column.cell_shape
        texts.append([cell.rjust(width) if right else cell.ljust(width) for cell in cells])
    lines += ["  ".join(line).rstrip() for line in zip(*texts)]
    return "\n  ".join(lines) + ">"


def _cell(column: Column) -> str:
    value = value_of(column)
    if value is None:
        return "--"
    if column.cell_shape and column.nulls is not None and not column.text:
        missing = column.nulls[0].flatten().tolist()
        return _shown(["--" if gone else _number(one) for gone, one in zip(missing, value.flatten().tolist())])
    if column.cell_shape or (column.is_jagged and not column.text):
        return _shown([_number(one) for one in value.flatten().tolist()])
    if column.dtype.itemsize < 8 and isinstance(value, float):
        return f"{value:.7g}"
    return _cut(_number(value))


def _number(value: Any) -> str:
    if isinstance(value, complex):
        return f"{value:.7g}"
    return f"{value:.9g}" if isinstance(value, float) else str(value)


def _shown(values: Sequence[str]) -> str:
    text = f"[{', '.join(values[:4])}{', ...' * (len(values) > 4)}]"
    return text if len(text) <= _CELL else f"[{values[0]}, ... {len(values)}]"


def _cut(text: str) -> str:
    return text if len(text) <= _CELL else text[: _CELL - 3] + "..."
