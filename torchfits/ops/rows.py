"""read_row_bytes, read_heap_bytes: binary tables as bytes."""

from __future__ import annotations

import torch

from torchfits.ops.tracing import unknown_size

DOCS = {
    "read_row_bytes": """Rows ``[start, stop)`` of a binary table as they are in a file: uint8 ``[n, NAXIS1]``, big-endian.

``start`` and ``stop`` as in a Python slice. Of a compressed table (ZTABLE; FITS Standard 4.0, section 10.3) the rows of
the original table, as funpack restores them: columns coded by GZIP_1, GZIP_2, RICE_1 or NOCOMPRESS; only the tiles that
these rows touch are decoded, in parallel. Where a column starts in a row, and of what type it is, say the TFORMn of
``header``. Variable-length arrays (section 7.3.5) are their descriptors, P or Q: they point into ``read_heap_bytes``.

Columns of C and M under GZIP_2 are taken as fpack makes them, which shuffles no bytes of theirs (funpack 4.2 cannot read
them).

Errors: RuntimeError for a bad file or an HDU that is no binary table, IndexError for an HDU that is not there.
""",
    "read_row_bytes.bytes": "The same of a file held in memory, uint8 ``[n]``, gzipped or not.",
    "read_heap_bytes": """The heap of a binary table, to which the descriptors of its rows refer: uint8 ``[n]``, big-endian.

It starts at THEAP (FITS Standard 4.0, section 7.3.5); a table without one has a heap of no bytes, but for what PCOUNT
says. Of a compressed table the original's heap: each array is decoded to its old place (section 10.3.6), and bytes of the
heap that belong to no array are 0.

Errors: as of ``read_row_bytes``; RuntimeError also where arrays are not in the file: fpack leaves out those of bits (X).
""",
    "read_heap_bytes.bytes": "The same of a file held in memory, uint8 ``[n]``, gzipped or not.",
}


def _rows() -> torch.Tensor:
    return torch.empty(unknown_size(), unknown_size(), dtype=torch.uint8, device="cpu")


def _heap() -> torch.Tensor:
    return torch.empty(unknown_size(), dtype=torch.uint8, device="cpu")


@torch.library.register_fake("fits::read_row_bytes")
def _(path: str, hdu: int, start: int | torch.SymInt = 0, stop: int | torch.SymInt | None = None) -> torch.Tensor:
    return _rows()


@torch.library.register_fake("fits::read_row_bytes.bytes")
def _(
    data: torch.Tensor, hdu: int, start: int | torch.SymInt = 0, stop: int | torch.SymInt | None = None
) -> torch.Tensor:
    return _rows()


@torch.library.register_fake("fits::read_heap_bytes")
def _(path: str, hdu: int) -> torch.Tensor:
    return _heap()


@torch.library.register_fake("fits::read_heap_bytes.bytes")
def _(data: torch.Tensor, hdu: int) -> torch.Tensor:
    return _heap()
