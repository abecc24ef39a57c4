"""`read` and `info`: a file in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

import torch

from torchfits.fits import FITS
from torchfits.hdu import Device
from torchfits.header import Header
from torchfits.section import SectionLike
from torchfits.source import READ_IMAGE, HDUKey, Source, SourceLike
from torchfits.summary import Info

if TYPE_CHECKING:
    from torchfits.table_columns import Names
    from torchfits.table_reading import RowsLike


@overload
def read(
    source: SourceLike,
    hdu: HDUKey | None = None,
    *,
    section: SectionLike | None = None,
    dtype: torch.dtype | None = None,
    device: Device | None = None,
    header: Literal[False] = False,
    columns: Names | None = None,
    rows: RowsLike | None = None,
    where: str | None = None,
) -> Any: ...
@overload
def read(
    source: SourceLike,
    hdu: HDUKey | None = None,
    *,
    section: SectionLike | None = None,
    dtype: torch.dtype | None = None,
    device: Device | None = None,
    header: Literal[True],
    columns: Names | None = None,
    rows: RowsLike | None = None,
    where: str | None = None,
) -> tuple[Any, Header]: ...
def read(
    source: SourceLike,
    hdu: HDUKey | None = None,
    *,
    section: SectionLike | None = None,
    dtype: torch.dtype | None = None,
    device: Device | None = None,
    header: bool = False,
    columns: Names | None = None,
    rows: RowsLike | None = None,
    where: str | None = None,
) -> Any:
    """Reads an image as a tensor, a table as a `Table`: of one HDU, values as astropy gives them.

    NAXIS1 = W and NAXIS2 = H is ``[H, W]``.

    >>> image = torchfits.read("m31.fits")                         # the first HDU with data
    >>> image = torchfits.read("mef.fits", "SCI")                  # by name; or 1, -1, ("SCI", 2)
    >>> image = torchfits.read("mef.fits[SCI,2][10:20,*]")         # as CFITSIO writes it
    >>> image = torchfits.read("m31.fits", section=(slice(0, 10), ...), dtype=torch.float32)
    >>> image, header = torchfits.read("m31.fits", header=True)
    >>> image = torchfits.read(Path("m31.fits").read_bytes())      # or a file object; gzipped or not
    >>> table = torchfits.read("mef.fits", "CATALOG", columns=["RA"], rows=slice(0, 3))

    source: a path, an extended file name, bytes, a 1-D uint8 tensor, or a binary file object, which is read from where
        it stands.
    hdu: number (0 is the primary HDU, -1 the last), name, or (name, version); None is the first HDU with data.
    section: integers, slices and ``...`` in tensor order, 0-based, as NumPy indexes; or a CFITSIO section such as
        ``"10:20,*"``, 1-based with both ends in it and the fastest axis first. Only the box around it is read.
    dtype: converts in the same pass. Without it unsigned images are uint16, uint32 or uint64, for which torch has
        hardly any arithmetic.
    device: where the tensor goes after it is read on the CPU, such as ``"cuda"``.
    header: True returns the pair of data and `Header`, of a section too that of the whole HDU; the section's world
        coordinates are ``WCS(header)[section]``.
    columns, rows, where: of a table, names, a slice or numbers or a mask of rows, and a condition; see `HDU.read`.

    Raises FileNotFoundError and the like for paths, ValueError for what cannot be asked, KeyError and IndexError for
    HDUs that are not there, RuntimeError for a bad file or one without data.
    """
    parsed = Source.of(source)
    if (parsed.hdu is not None and hdu is not None) or (parsed.section is not None and section is not None):
        raise ValueError(
            f"{parsed.name}: the HDU or the section is given twice, in brackets and as an argument; leave one out"
        )
    hdu = parsed.hdu if hdu is None else hdu
    section = parsed.section if section is None else section
    image: torch.Tensor | None
    of_table = not (columns is rows is where is None)
    if section is None and not (header or of_table) and (hdu is None or (type(hdu) is int and hdu >= 0)):
        # Most often the first look finds the image, and nothing else of the file is read.
        image = parsed.attempt(READ_IMAGE, hdu or 0, dtype=dtype)
        if image is not None and (hdu is not None or image.numel() > 0):
            return image if device is None else image.to(device)

    file = FITS._of(parsed)
    unit = file.first_with_data() if hdu is None else file[hdu]
    data = unit.read(section, dtype=dtype, device=device, columns=columns, rows=rows, where=where)
    return (data, unit.header) if header else data


def info(source: SourceLike) -> Info:
    """What a file holds: prints as a table, is a list of named tuples.

    >>> [(line.name, line.shape) for line in torchfits.info("mef.fits")]
    [('PRIMARY', ()), ('SCI', (40, 30)), ('SCI', (40, 30)), ('CATALOG', (5, 2))]
    """
    with FITS(source) as file:
        return file.info()
