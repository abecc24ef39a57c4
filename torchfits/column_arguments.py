"""What decode_columns asks for beside the rows: formats and scalings of the columns, from the header."""

from __future__ import annotations

from typing import Any

from torchfits.header import Header
from torchfits.source import HEADER_TEXT, Source, SourceLike, text_of
from torchfits.table_columns import Names
from torchfits.table_reading import fields
from torchfits.table_views import found


def column_arguments(source: SourceLike, hdu: int, columns: Names | None = None) -> dict[str, Any]:
    """The arguments of ``torch.ops.fits.decode_columns`` for columns of a binary table: all of fixed width, or some.

    >>> rows = torch.ops.fits.read_row_bytes("stars.fits", 1)
    >>> known = torchfits.column_arguments("stars.fits", 1, ["RA", "DEC"])
    >>> ra, dec = torch.ops.fits.decode_columns(rows.to("cuda"), **known)

    Names as of a ``Table``. All is as in the header that the user sees (FITS Standard 4.0, section 7.3). TDIMn is left
    to the caller, and so is TNULLn, to be compared with integers that are decoded with ``tscal=[], tzero=[]``.
    """
    parsed = Source.of(source)
    header = Header.fromstring(text_of(parsed(HEADER_TEXT, hdu)))
    if header.get("XTENSION") != "BINTABLE":
        raise ValueError(f"{parsed.name}[{hdu}] is not a binary table; read_columns reads ASCII tables")
    known = fields(header)
    if columns is None:
        chosen = [field for field in known.values() if not field.jagged]
    else:
        names = [columns] if isinstance(columns, str) else columns
        chosen = [known[found(known, name)] for name in names]
    numbers = range(1, len(known) + 1)
    return {
        "tforms": [str(header[f"TFORM{n}"]) for n in numbers],
        "columns": [field.number - 1 for field in chosen],
        "tscal": [float(header.get(f"TSCAL{n}", 1)) for n in numbers],
        "tzero": [float(header.get(f"TZERO{n}", 0)) for n in numbers],
    }
