"""filter_rows: rows of a table that an expression selects."""

from __future__ import annotations

import torch

from torchfits.ops.tracing import unknown_size

DOCS = {
    "filter_rows": """Rows of a table that an expression selects: their numbers from 0, int64 ``[n]``, ascending.

The expression is one of CFITSIO's row filters (``"MAG < 20 && FLAG == 0"``): arithmetic, comparisons, functions, strings,
bit masks, vectors and their elements, ``#row``, header keywords, NULL, good time intervals and regions, which may lie
in other extensions and files (``gtifilter``, ``regfilter``); and places on the sky (``cone``, ``skybox``, ``skypolygon``). ``docs/filter.md`` has the whole grammar, and where it differs from CFITSIO's. A row is selected where
the expression is true; not where it is NULL.

It is compiled once and computed for blocks of rows at a time, on the intra-op threads, over those columns alone that it
names. Only rows ``[start, stop)`` are looked at, as in a Python slice; ``COLUMN{-1}`` may look before them, and sums from
row to row (``accum``, ``seqdiff``) begin with ``start`` and run on one thread. Binary tables (FITS Standard 4.0, section
7.3), compressed ones (10.3) and ASCII tables (7.2). ``read_rows`` reads columns of the rows that were found.

Errors: ValueError, naming the character, for an expression that means nothing; IndexError for an HDU that is not there and
for a row whose own values index a vector outside of it; RuntimeError for a bad file or an HDU that is no table.
""",
    "filter_rows.bytes": "The same of a file held in memory, uint8 ``[n]``, gzipped or not.",
}


def _numbers() -> torch.Tensor:
    return torch.empty(unknown_size(), dtype=torch.int64, device="cpu")


@torch.library.register_fake("fits::filter_rows")
def _(
    path: str, hdu: int, expression: str, start: int | torch.SymInt = 0, stop: int | torch.SymInt | None = None
) -> torch.Tensor:
    return _numbers()


@torch.library.register_fake("fits::filter_rows.bytes")
def _(
    data: torch.Tensor, hdu: int, expression: str, start: int | torch.SymInt = 0, stop: int | torch.SymInt | None = None
) -> torch.Tensor:
    return _numbers()
