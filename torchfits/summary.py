"""`Info`: what a file holds, one line for each HDU."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from torchfits.card import CARD_LENGTH
from torchfits.source import HEADER_TEXT, HEADER_VALUES, Source

if TYPE_CHECKING:
    from torchfits.hdu import HDU


class HDUInfo(NamedTuple):
    """One line: `shape` in tensor order (of tables: rows and columns), `dtype` without ``torch.``."""

    hdu: int
    name: str
    version: int
    kind: str
    cards: int
    shape: tuple[int, ...]
    dtype: str


class Info(list[HDUInfo]):
    """The HDUs of a file, as a list and, printed, as a table.

    >>> torchfits.info("mef.fits")
    mef.fits
    No.  Name     Ver  Kind          Cards  Shape     Dtype
      0  PRIMARY    1  image             4  ()
      1  SCI        1  image            18  (40, 30)  float32
      2  SCI        2  image            18  (40, 30)  float32
      3  CATALOG    1  binary table     13  (5, 2)
    >>> [line.name for line in torchfits.info("mef.fits") if line.dtype]
    ['SCI', 'SCI']
    """

    def __init__(self, name: str, hdus: Iterable[HDUInfo]) -> None:
        super().__init__(hdus)
        self.name = name

    def __repr__(self) -> str:
        rows = [_TITLES, *(tuple(map(str, line)) for line in self)]
        widths = [max(map(len, column)) for column in zip(*rows)]
        return "\n".join([self.name, *(_aligned(row, widths) for row in rows)])

    __str__ = __repr__


_TITLES = ("No.", "Name", "Ver", "Kind", "Cards", "Shape", "Dtype")
_NUMBERS = ("No.", "Ver", "Cards")


def _aligned(row: tuple[str, ...], widths: list[int]) -> str:
    cells = (
        text.rjust(width) if title in _NUMBERS else text.ljust(width)
        for title, text, width in zip(_TITLES, row, widths)
    )
    return "  ".join(cells).rstrip()


def summarize(hdus: Iterable[HDU], source: Source) -> Info:
    """The table of a file's HDUs."""
    return Info(source.name, [_line(hdu, source) for hdu in hdus])


def _line(hdu: HDU, source: Source) -> HDUInfo:
    cards = source(HEADER_TEXT, hdu.index).numel() // CARD_LENGTH
    shape = hdu.shape
    if hdu.is_table:
        shape = (shape[0], int(source(HEADER_VALUES, hdu.index, ["TFIELDS"]).item()))
    dtype = "" if hdu.dtype is None else str(hdu.dtype).removeprefix("torch.")
    return HDUInfo(hdu.index, hdu.name, hdu.version, hdu.kind, cards, shape, dtype)
