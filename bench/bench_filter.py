"""Filters: the rows of a table of 1M x 10 that an expression selects, few of them or many."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench import readers, samples
from bench.bench_tables import MIXED
from bench.harness import Case, Competitor, limit, ours

ROWS = 1_000_000

# The expression, and the same of NumPy's columns.
EXPRESSIONS: list[tuple[str, str, Callable[[Any], Any]]] = [
    ("1 in 1000", "MAG < 14.01", lambda t: t["MAG"] < np.float64(14.01)),
    ("half", "MAG < 19", lambda t: t["MAG"] < np.float64(19)),
    ("two columns", "MAG < 20 && FLAG == 0", lambda t: (t["MAG"] < np.float64(20)) & (t["FLAG"] == 0)),
    ("arithmetic", "COUNT % 7 == 3 && MAG - 5 * ERR > 10", lambda t: _arithmetic(t)),
    ("strings", "NAME == 'NGC 77'", lambda t: t["NAME"] == _name(t)),
    ("vectors", "SUM(POS > 1) == 3", lambda t: (t["POS"] > 1).all(axis=1)),
]


def _arithmetic(table: Any) -> Any:
    mag, err = np.asarray(table["MAG"], np.float64), np.asarray(table["ERR"], np.float64)
    return (table["COUNT"] % 7 == 3) & (mag - 5 * err > 10)


def _name(table: Any) -> Any:
    return np.asarray("NGC 77", dtype=np.asarray(table["NAME"]).dtype)


def cases(folder: Path, rows: int = ROWS) -> Iterator[Case]:
    table = _table(rows)
    path = folder / "filter.fits"
    for name, expression, of_columns in EXPRESSIONS:
        path.write_bytes(samples.header(samples.geometry(8, [])) + _hdu(table))
        expected = torch.from_numpy(np.flatnonzero(of_columns(table)))
        yield _case(f"rows of {rows} x 10 by {name}", str(path), expression, of_columns, expected)


def _table(rows: int) -> np.ndarray:
    random = np.random.default_rng(6)
    table = np.zeros(rows, np.dtype([(name, kind) for name, _, kind in MIXED]))
    table["ID"], table["FLAG"] = np.arange(rows), random.integers(0, 4, rows)
    table["RA"], table["DEC"] = random.uniform(0, 360, rows), random.uniform(-90, 90, rows)
    table["MAG"], table["ERR"] = random.uniform(14, 24, rows), random.uniform(0, 1, rows)
    table["COUNT"], table["NAME"] = random.integers(0, 1000, rows), np.char.mod("NGC %d", random.integers(0, 999, rows))
    table["POS"] = random.normal(size=(rows, 3))
    return table


def _hdu(table: np.ndarray) -> bytes:
    sizes = {"NAXIS1": table.dtype.itemsize, "NAXIS2": len(table), "PCOUNT": 0, "GCOUNT": 1, "TFIELDS": len(MIXED)}
    cards = [samples.card("XTENSION", "BINTABLE"), samples.card("BITPIX", 8), samples.card("NAXIS", 2)]
    cards += [samples.card(key, value) for key, value in sizes.items()]
    for number, (name, tform, _) in enumerate(MIXED, 1):
        cards += [samples.card(f"TTYPE{number}", name), samples.card(f"TFORM{number}", tform)]
    data = table.tobytes()
    return samples.header(cards) + data + bytes(-len(data) % samples.BLOCK)


def _case(name: str, path: str, expression: str, of_columns: Callable[[Any], Any], expected: torch.Tensor) -> Case:
    def with_astropy() -> torch.Tensor:
        from astropy.io import fits

        with fits.open(path) as hdus:
            return torch.from_numpy(np.flatnonzero(of_columns(hdus[1].data)))

    def with_fitsio() -> torch.Tensor:
        import fitsio

        with fitsio.FITS(path) as file:
            return torch.from_numpy(np.asarray(file[1].where(expression), np.int64))

    def with_cfitsio() -> torch.Tensor:
        with readers.CfitsioFile(path, 1) as file:
            rows = ctypes.c_longlong()
            file._call("ffgnrwll", ctypes.byref(rows))
            selected, found = np.zeros(rows.value, np.uint8), ctypes.c_long()
            to = selected.ctypes.data_as(ctypes.c_char_p)
            first, count = ctypes.c_long(1), ctypes.c_long(rows.value)
            file._call("fffrow", expression.encode(), first, count, ctypes.byref(found), to)
            return torch.from_numpy(np.flatnonzero(selected == 1))

    def read_columns() -> list[torch.Tensor]:
        names = [column for column, _, _ in MIXED if column in expression]
        return torch.ops.fits.read_columns(path, 1, names)

    return Case(
        name=name,
        bytes=expected.nbytes,
        expected=expected,
        competitors=[
            ours(lambda: torch.ops.fits.filter_rows(path, 1, expression)),
            Competitor("astropy and NumPy", with_astropy),
            Competitor("fitsio", with_fitsio),
            Competitor("cfitsio", with_cfitsio),
            limit("the columns alone", read_columns),
        ],
        must=1.7,
        aim=2.0,
        files=[Path(path)],
    )
