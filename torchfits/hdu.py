"""`HDU`: one header-data unit of an open file, read as far as it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import torch

from torchfits.header import Header
from torchfits.plain import PlainImage
from torchfits.section import SectionLike, Window
from torchfits.source import HDU_NAMES, HEADER_TEXT, READ_IMAGE, READ_SECTION, Operator, Source, text_of

if TYPE_CHECKING:
    from torchfits.table import Table
    from torchfits.table_columns import Names
    from torchfits.table_reading import RowsLike, TableReader
    from torchfits.table_statistics import Statistics
    from torchfits.wcs import WCS

# By the kind column of torch.ops.fits.hdus.
KINDS = (
    *("image", "binary table", "ASCII table", "compressed image", "random groups", "compressed table"),
    "unknown extension",
)

Device = torch.device | str | int


class File:
    """What the HDUs of an open file share."""

    __slots__ = ("_names", "_source")

    def __init__(self, source: Source) -> None:
        self._source: Source | None = source.inflated()
        self._names: list[tuple[str, int]] | None = None

    @property
    def source(self) -> Source:
        if self._source is None:
            raise ValueError("this FITS is closed; read what is needed from it before, or open it again")
        return self._source

    @property
    def names(self) -> list[tuple[str, int]]:
        """EXTNAME and EXTVER of each HDU."""
        if self._names is None:
            lines = text_of(self.source(HDU_NAMES)).split("\n")
            split = [line.rpartition(",") for line in lines]
            self._names = [(name, int(version)) for name, _, version in split]
            if not self._names[0][0]:
                self._names[0] = ("PRIMARY", self._names[0][1])
        return self._names

    @property
    def closed(self) -> bool:
        return self._source is None

    def close(self) -> None:
        self._source = None


class HDU:
    """One header-data unit of a `FITS`.

    >>> hdu = torchfits.open("mef.fits")["SCI"]
    >>> hdu.index, hdu.name, hdu.version, hdu.kind, hdu.shape, hdu.dtype
    (1, 'SCI', 1, 'image', (40, 30), torch.float32)
    >>> hdu.header["EXPTIME"]
    30.0
    >>> image = hdu.data                     # the whole image, read once and kept
    >>> stamp = hdu.section[10:20, ::-1]     # only what is asked for
    >>> torchfits.open("mef.fits")["CATALOG"].data["RA"]     # of a table a Table
    tensor([0., 1., 2., 3., 4.], dtype=torch.float64)
    """

    __slots__ = ("_data", "_dtype", "_file", "_header", "_plain", "_row", "_wcs", "index")

    #: Number in the file: 0 is the primary HDU.
    index: int

    def __init__(self, file: File, index: int, row: list[int]) -> None:
        """`row` is the HDU's row of torch.ops.fits.hdus; HDUs are made by their `FITS`."""
        self.index = index
        self._file = file
        self._row = row
        self._data: torch.Tensor | Table | None = None
        self._dtype: torch.dtype | None = None
        self._header: Header | None = None
        self._plain: PlainImage | Literal[False] | None = None  # False: it is not plain
        self._wcs: WCS | None = None

    @property
    def name(self) -> str:
        """EXTNAME; ``PRIMARY`` for a primary HDU that has none."""
        return self._file.names[self.index][0]

    @property
    def version(self) -> int:
        """EXTVER, 1 where there is none."""
        return self._file.names[self.index][1]

    @property
    def kind(self) -> str:
        """``image``, ``compressed image``, ``random groups``, ``binary table``, ``ASCII table`` and so on."""
        return KINDS[self._row[0]]

    @property
    def is_image(self) -> bool:
        return self.kind in ("image", "compressed image", "random groups")

    @property
    def is_table(self) -> bool:
        return self.kind.endswith("table")

    @property
    def shape(self) -> tuple[int, ...]:
        """The axes in tensor order, NAXIS1 last; ``()`` without data. Of tables: rows, and bytes in a row."""
        axes, naxis = self._row[6:], self._row[5]
        return tuple(axes[:naxis]) if naxis <= len(axes) else self._many_axes(naxis)

    def _many_axes(self, naxis: int) -> tuple[int, ...]:
        """More axes than a row of torch.ops.fits.hdus has room for."""
        if self.kind == "random groups":  # NAXIS1 = 0 marks them; the groups are the slowest axis
            return (self.header.get("GCOUNT", 1), *(self.header[f"NAXIS{n}"] for n in range(naxis, 1, -1)))
        return tuple(self.header[f"NAXIS{n}"] for n in range(naxis, 0, -1))

    @property
    def dtype(self) -> torch.dtype | None:
        """What `data` is or will be; None for tables and where there is no data."""
        if self._dtype is None and self.shape and self.is_image:
            nothing = [0] * len(self.shape)
            self._dtype = self._call(READ_SECTION, nothing, nothing).dtype
        return self._dtype

    @property
    def header(self) -> Header:
        """The header as the user sees it: of a compressed image the image's own."""
        if self._header is None:
            self._header = Header.fromstring(text_of(self._file.source(HEADER_TEXT, self.index)))
        return self._header

    @property
    def data(self) -> Any:
        """The image, a tensor, or the `Table`; None where there is none (NAXIS = 0).

        It is read once; changing it does not change the file.
        """
        if self._data is None and self.shape:
            self._data = self.read()
        return self._data

    @property
    def wcs(self) -> WCS:
        """The world coordinates of the header and its tables, read once; `WCS.from_file` reads alternate versions.

        >>> torchfits.open("mef.fits")["SCI"].wcs.pixel_to_world([14.5, 19.5])     # CRPIX less 1
        tensor([10., 41.], dtype=torch.float64)
        """
        if self._wcs is None:
            from torchfits.wcs import WCS  # which reads files by this module

            self._wcs = WCS._of_hdu(self._file.source, self.index, self.header)
        return self._wcs

    @property
    def section(self) -> Section:
        """Reads a part of the image: ``hdu.section[0, 10:20, ::-1]`` is ``hdu.data[0, 10:20, ::-1]``."""
        return Section(self)

    def read(
        self,
        section: SectionLike | None = None,
        *,
        dtype: torch.dtype | None = None,
        device: Device | None = None,
        scaled: bool = True,
        columns: Names | None = None,
        rows: RowsLike | None = None,
        where: str | None = None,
    ) -> Any:
        """Reads the image, or a section of it, anew: a tensor. Or the table, or a part of it: a `Table`.

        `section`: integers, slices and ``...`` in tensor order, or a CFITSIO section such as ``"10:20,*"``. `dtype`
        converts while reading, ``scaled=False`` gives the stored values, `device` is where the tensor goes.

        >>> hdu = torchfits.open("mef.fits")["SCI"]
        >>> hdu.read("10:20,*", dtype=torch.float16, device="cpu").shape
        torch.Size([40, 11])

        Of a table: `columns`, names in any case; `rows`, a slice, row numbers in any order, or a mask; `where`, a
        condition in the words of CFITSIO's row filters. Only what they ask for is read.

        >>> torchfits.open("mef.fits")["CATALOG"].read(columns=["RA"], rows=slice(1, 3))["RA"]
        tensor([1., 2.], dtype=torch.float64)
        """
        if self.is_table:
            self._check_table(section, dtype, scaled)
            table = self._reader().read(columns, rows, where)
            return table if device is None else table.to(device)
        if not (columns is rows is where is None):
            raise ValueError(f"{self._where} is no table: columns=, rows= and where= are for tables")
        self._check_image()
        options = {} if scaled and dtype is None else {"dtype": dtype, "scaled": scaled}
        if section is None:
            image = self._call(READ_IMAGE, **options)
        else:
            image = Window.of(section, self.shape).read(
                lambda start, size: self._call(READ_SECTION, start, size, **options)
            )
        return image if device is None else image.to(device)

    def batches(
        self,
        size: int,
        *,
        columns: Names | None = None,
        where: str | None = None,
        rank: int = 0,
        world: int = 1,
    ) -> Iterator[Table]:
        """A table in batches of `size` rows, each a `Table`, in memory that does not grow with the file.

        Of `world` processes each takes every world-th batch, its `rank` says which; together they have every row once.
        With `where`, a batch has those of its rows for which it is true, and one without any is left out.

        >>> [batch["RA"].tolist() for batch in torchfits.open("mef.fits")["CATALOG"].batches(2, rank=0, world=2)]
        [[0.0, 1.0], [4.0]]
        """
        if not self.is_table:
            raise ValueError(f"{self._where} is no table, and batches are of rows of tables")
        return self._reader().batches(size, columns, where, rank, world)

    def _part(self, section: Any) -> torch.Tensor | None:
        """A small part of a plain image; None where the operator must read it (torchfits/plain.py)."""
        plain = self._plain
        if plain is None:
            plain = self._plain = PlainImage.of(self._file.source, self.index, self._row) or False
        return plain.part(section) if plain else None

    def statistics(
        self, columns: Names | None = None, *, where: str | None = None, rank: int = 0, world: int = 1
    ) -> dict[str, Statistics]:
        """Of a table the count, minimum, maximum, mean and so on of its columns of numbers, by name.

        It goes through the file in batches, in memory that does not grow with it, over all rows, those for which
        `where` is true, or the share of one process of several, as `batches` does.

        >>> torchfits.open("mef.fits")["CATALOG"].statistics("RA", where="RA > 0")["RA"]
        Statistics(count=4, missing=0, min=1.0, max=4.0, mean=2.5, std=1.2909944487358056)
        """
        if not self.is_table:
            raise ValueError(f"{self._where} is no table, and statistics are of columns of tables")
        return self._reader().statistics(columns, where, rank, world)

    def _reader(self) -> TableReader:
        from torchfits.table_reading import TableReader  # tables are loaded when there is one

        return TableReader(self._file.source, self.index, self.header, self.shape[0])

    def _call(self, operator: Operator, *args: object, **options: object) -> torch.Tensor:
        mapped = self._plain.source if self._plain else None
        result: torch.Tensor = (mapped or self._file.source)(operator, self.index, *args, **options)
        return result

    @property
    def _where(self) -> str:
        return f"{self._file.source.name}[{self.index}]"

    def _check_table(self, section: SectionLike | None, dtype: torch.dtype | None, scaled: bool) -> None:
        wrong = None
        if section is not None:
            wrong = "sections are of images; rows= and columns= choose from a table"
        elif dtype is not None:
            wrong = "dtype= is for images; convert the columns that it is meant for"
        elif not scaled:
            wrong = "scaled=False is for images; torch.ops.fits.read_row_bytes has rows as stored"
        if wrong is not None:
            raise ValueError(f"{self._where} is a table: {wrong}")

    def _check_image(self) -> None:
        if self.is_table:
            raise ValueError(f"{self._where} is a table, and what is asked for is made of images")
        if not self.shape:
            raise RuntimeError(f"{self._where} has no data (NAXIS = 0)")

    def __repr__(self) -> str:
        if self._file.closed:
            return f"<HDU {self.index} of a closed file>"
        if not self.shape:
            data = "no data"
        elif self.is_table:
            data = f"{self.shape[0]} rows"
        else:
            data = f"{'x'.join(map(str, self.shape))} {self.dtype or ''}".strip()
        return f"<HDU {self.index} {self.name!r} {self.kind}, {data}>"


class Section:
    """What `HDU.section` gives: indexing it reads the part of the image that is asked for."""

    __slots__ = ("_hdu",)

    def __init__(self, hdu: HDU) -> None:
        self._hdu = hdu

    @property
    def shape(self) -> tuple[int, ...]:
        return self._hdu.shape

    @property
    def dtype(self) -> torch.dtype | None:
        return self._hdu.dtype

    def __getitem__(self, section: SectionLike) -> torch.Tensor:
        if section is None:
            raise TypeError("a section adds no axes: index the tensor that it gives by None, or unsqueeze it")
        hdu = self._hdu
        plain = hdu._plain
        part = plain.part(section) if plain else hdu._part(section)
        return hdu.read(section) if part is None else part

    def __repr__(self) -> str:
        return f"<section of {self._hdu!r}>"
