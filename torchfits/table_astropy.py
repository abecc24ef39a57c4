"""Tables to and from astropy.table. Imports astropy."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from torchfits import table_text
from torchfits.column import Column
from torchfits.table_input import as_column

if TYPE_CHECKING:
    import astropy.table


def to_astropy(columns: Mapping[str, Column]) -> astropy.table.Table:
    try:
        from astropy.table import Column as Plain
        from astropy.table import MaskedColumn, Table
    except ImportError:
        raise ImportError("to_astropy: astropy is needed; pip install astropy") from None

    made = []
    for name, column in columns.items():
        facts: dict[str, Any] = {"name": name, "unit": column.unit or None, "description": column.description or None}
        if column.nulls is None:
            made.append(Plain(_array(column), **facts))
        else:
            made.append(MaskedColumn(_array(column), mask=column.nulls.cpu().numpy(), **facts))
    return Table(made, copy=False)


def _array(column: Column) -> Any:
    if column.text:
        return table_text.strings(column)
    values = column.values.cpu()
    if values.dtype == torch.bfloat16:
        values = values.float()
    array = values.resolve_conj().numpy()
    if column.offsets is None:
        return array
    rows = np.empty(len(column), dtype=object)
    bounds = column.offsets.tolist()
    for number, (first, last) in enumerate(itertools.pairwise(bounds)):  # astropy has an array object for each
        rows[number] = array[first:last]
    return rows


def from_astropy(data: astropy.table.Table) -> dict[str, Column]:
    out = {}
    for name in data.colnames:
        column: Any = data[name]
        if not isinstance(column, np.ndarray):  # as Column, MaskedColumn and Quantity are
            raise TypeError(
                f"column {name} is {type(column).__name__}, which is no column of numbers or strings; convert it "
                "first, such as table['MJD'] = times.mjd"
            )
        mask = getattr(column, "mask", None)
        plain = np.asarray(column)
        if mask is not None and np.any(mask):
            plain = np.ma.MaskedArray(plain, np.asarray(mask))
        unit = getattr(column, "unit", None)
        description = data[name].info.description or ""
        out[name] = replace(as_column(plain, name), unit=_fits_unit(unit), description=description)
    return out


def _fits_unit(unit: Any) -> str:
    """As FITS writes it where FITS can, else as astropy does."""
    if unit is None:
        return ""
    try:
        return str(unit.to_string("fits"))
    except (ValueError, AttributeError):
        return str(unit)
