"""A table, by each of the readers: columns as CPU tensors of native byte order, strings as bytes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from bench import readers

Columns = dict[str, torch.Tensor]


def native(values: Any) -> torch.Tensor:
    """A column of NumPy's as a tensor in memory of its own; strings as their bytes."""
    array = np.asarray(values)
    if array.dtype.kind == "U":  # fitsio's strings
        array = array.astype("S")
    if array.dtype.kind == "S":
        array = np.ascontiguousarray(array).view(np.uint8).reshape(len(array), -1)
    return readers.native(array)


def ours(path: str) -> Any:
    import torchfits

    return torchfits.read(path, 1)


def astropy(path: str, names: list[str] | None = None, rows: Any = None) -> Columns:
    """The default way: a memory map, of which each column is copied."""
    from astropy.io import fits

    with fits.open(path, character_as_bytes=True) as file:
        data = file[1].data if rows is None else file[1].data[rows]
        return {name: native(data[name]) for name in names or data.names}


def astropy_table(path: str) -> Columns:
    from astropy.table import Table

    table = Table.read(path, hdu=1, character_as_bytes=True)
    return {name: native(table[name]) for name in table.colnames}


def fitsio(path: str, names: list[str] | None = None, rows: Any = None) -> Columns:
    import fitsio as package

    with package.FITS(path) as file:
        unit = file[1]
        if isinstance(rows, slice):
            data = unit[names][rows]
        else:
            data = unit.read(columns=names, **({} if rows is None else {"rows": rows}))
        return {name: native(data[name]) for name in names or data.dtype.names}


def our_statistics(path: str) -> Any:
    import torchfits

    return torchfits.open(path)[1].statistics()


def astropy_statistics(path: str) -> Any:
    """By NumPy, of columns in a memory map."""
    from astropy.io import fits

    with fits.open(path) as file:
        data = file[1].data
        return {
            name: tuple(getattr(data[name], what)() for what in ("min", "max", "mean", "std")) for name in data.names
        }


TABLES: dict[str, Callable[[str], Any]] = {
    "torchfits": ours,
    "astropy": astropy,
    "astropy, Table.read": astropy_table,
    "fitsio": fitsio,
}
STATISTICS: dict[str, Callable[[str], Any]] = {"torchfits": our_statistics, "astropy": astropy_statistics}


def _prepare(reader: Callable[[str], Any], path: str) -> Callable[[], Any]:
    return partial(reader, path)


# For bench/worker.py, where memory is measured.
CALLS = {f"table, {name}": partial(_prepare, reader) for name, reader in TABLES.items()}
CALLS |= {f"statistics, {name}": partial(_prepare, reader) for name, reader in STATISTICS.items()}
