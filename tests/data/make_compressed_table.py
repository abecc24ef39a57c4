"""The table inside compressed_table.fits.fz, which CFITSIO's fpack made of it (libcfitsio-bin 4.2.0):

python tests/data/make_compressed_table.py table.fits
fpack -table table.fits
mv table.fits.fz tests/data/compressed_table.fits.fz
"""

import sys

import numpy as np
from astropy.io import fits


def original() -> fits.HDUList:
    rows = 40
    columns = [
        fits.Column("A", "J", array=np.arange(rows), null=-1, unit="m"),
        fits.Column("F", "3E", array=np.arange(3.0 * rows).reshape(rows, 3), disp="F8.3"),
        fits.Column("S", "10A", array=[f"row {i}" for i in range(rows)]),
        fits.Column("V", "PJ()", array=np.array([np.arange(i % 7) for i in range(rows)], dtype=object)),
        fits.Column("U", "I", bzero=32768, array=np.arange(rows, dtype="u2")),
        fits.Column("D", "4D", dim="(2,2)", array=np.zeros((rows, 2, 2))),
    ]
    table = fits.BinTableHDU.from_columns(columns, name="TABLE")
    table.header["ANSWER"] = (42, "an integer")
    table.header["HIERARCH ESO LONG KEYWORD"] = 3
    table.header["LONG"] = "a string of two cards " * 5
    table.header["CHECKSUM"] = ("0000000000000000", "of the original")
    table.header["DATASUM"] = ("0", "of the original")
    table.header["COMMENT"] = "the end"
    return fits.HDUList([fits.PrimaryHDU(), table])


if __name__ == "__main__":
    original().writeto(sys.argv[1])
