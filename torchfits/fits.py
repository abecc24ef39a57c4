"""`FITS`: an open file, as a sequence of its HDUs. `open` makes one."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, overload

from torchfits.hdu import HDU, File
from torchfits.source import HDUS, HDUKey, Source, SourceLike
from torchfits.summary import Info, summarize

if TYPE_CHECKING:
    from typing_extensions import Self


def open(source: SourceLike, mode: str = "readonly") -> FITS:
    """Opens a FITS file: a path, bytes, a uint8 tensor or a binary file object.

    >>> with torchfits.open("mef.fits") as fits:
    ...     fits["SCI", 2].data.shape
    torch.Size([40, 30])
    """
    if mode != "readonly":
        raise NotImplementedError(
            f"mode {mode!r}: torchfits does not write files yet, only mode='readonly' exists; "
            "use astropy.io.fits.open to change a file"
        )
    return FITS(source)


class FITS(Sequence[HDU]):
    """The HDUs of a file, found by number, by name or by (name, version).

    Numbers count from 0, the primary HDU; -1 is the last one. Names are compared without regard to case, and
    ``PRIMARY`` is always HDU 0. The file's structure is read once, pixels and headers when they are asked for.

    >>> fits = torchfits.open("mef.fits")
    >>> fits
    <FITS 'mef.fits'
      <HDU 0 'PRIMARY' image, no data>
      <HDU 1 'SCI' image, 40x30 torch.float32>
      <HDU 2 'SCI' image, 40x30 torch.float32>
      <HDU 3 'CATALOG' binary table, 5 rows>>
    >>> fits[-1].name, fits["sci", 2].index, "DQ" in fits, [hdu.shape for hdu in fits[:2]]
    ('CATALOG', 2, False, [(), (40, 30)])
    """

    def __init__(self, source: SourceLike) -> None:
        parsed = Source.of(source)
        if parsed.hdu is not None or parsed.section is not None:
            raise ValueError(
                f"{parsed.name}: a whole file is opened; leave the brackets out and index what is returned, or use "
                "torchfits.read, which takes them"
            )
        self._open(parsed)

    @classmethod
    def _of(cls, source: Source) -> Self:
        self = cls.__new__(cls)
        self._open(source)
        return self

    def _open(self, source: Source) -> None:
        self._file = File(source)
        self._hdus = [HDU(self._file, index, row) for index, row in enumerate(self._file.source(HDUS).tolist())]

    # --- A sequence --------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        _ = self._file.source
        return len(self._hdus)

    @overload
    def __getitem__(self, key: HDUKey) -> HDU: ...
    @overload
    def __getitem__(self, key: slice) -> list[HDU]: ...
    def __getitem__(self, key: HDUKey | slice) -> HDU | list[HDU]:
        _ = self._file.source
        if isinstance(key, slice):
            return self._hdus[key]
        return self._hdus[self.index_of(key)]

    def __iter__(self) -> Iterator[HDU]:
        _ = self._file.source
        return iter(self._hdus)

    def __contains__(self, key: object) -> bool:
        if isinstance(key, HDU):
            return key in self._hdus
        try:
            self.index_of(key)  # type: ignore[arg-type]
        except (KeyError, IndexError, TypeError):
            return False
        return True

    def index_of(self, key: HDUKey) -> int:
        """The number of an HDU that is meant by number, name or (name, version).

        >>> torchfits.open("mef.fits").index_of(("SCI", 2))
        2
        """
        if isinstance(key, str):
            return self._index_of_name(key, None)
        if isinstance(key, tuple) and len(key) == 2 and isinstance(key[0], str) and hasattr(key[1], "__index__"):
            return self._index_of_name(*key)
        try:
            number = operator.index(key)  # type: ignore[arg-type]  # a wrong tuple raises
        except TypeError:
            raise TypeError(f"an HDU is meant by its number, its name or (name, version), not by {key!r}") from None
        count = len(self)
        if not -count <= number < count:
            raise IndexError(f"{self._file.source.name}: there is no HDU {number}: the file has {count} HDUs")
        return number % count

    def _index_of_name(self, name: str, version: int | None) -> int:
        wanted = name.strip().upper()
        for index, (known, known_version) in enumerate(self._file.names):
            named = known.strip().upper() == wanted or (wanted == "PRIMARY" and index == 0)
            if named and version in (None, known_version):
                return index
        known_names = ", ".join(f"{known},{number}" for known, number in self._file.names if known)
        asked = name if version is None else f"{name},{version}"
        raise KeyError(f"{self._file.source.name}: there is no HDU {asked}; there are {known_names}")

    def first_with_data(self) -> HDU:
        """The first HDU that holds an image or a table."""
        for hdu in self:
            if hdu.shape and 0 not in hdu.shape:
                return hdu
        raise RuntimeError(f"{self._file.source.name}: none of the {len(self)} HDUs holds data")

    # --- The file ----------------------------------------------------------------------------------------------------

    def info(self) -> Info:
        """A table of the HDUs: print it, or use its lines, which are named tuples.

        >>> torchfits.open("m31.fits").info()
        m31.fits
        No.  Name     Ver  Kind   Cards  Shape      Dtype
          0  PRIMARY    1  image      6  (80, 100)  int16
        """
        return summarize(self, self._file.source)

    @property
    def closed(self) -> bool:
        return self._file.closed

    def close(self) -> None:
        """Lets go of the file; tensors and headers that were read stay."""
        self._file.close()
        for hdu in self._hdus:
            hdu._plain = None

    def __enter__(self) -> Self:
        _ = self._file.source
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        if self.closed:
            return "<FITS, closed>"
        return "\n".join([f"<FITS {self._file.source.name!r}", *(f"  {hdu!r}" for hdu in self._hdus)]) + ">"
