"""FITS for PyTorch: the operators torch.ops.fits.* and a thin Python package around them."""

from torchfits import _library
from torchfits._library import cmake_prefix_path

__version__ = _library.load()

# These need the loaded library; ops registers fakes and derivatives.
from torchfits import nn, ops
from torchfits.card import Card
from torchfits.column_arguments import column_arguments
from torchfits.cutouts import cutout
from torchfits.fits import FITS, open
from torchfits.free_slots import wcs_slots
from torchfits.hdu import HDU
from torchfits.header import Header, headers, headers_from_texts
from torchfits.reading import info, read
from torchfits.table import Table
from torchfits.tiles import tile_arguments
from torchfits.wcs import WCS

__all__ = [
    "FITS",
    "HDU",
    "WCS",
    "Card",
    "Header",
    "Table",
    "__version__",
    "cmake_prefix_path",
    "column_arguments",
    "cutout",
    "headers",
    "headers_from_texts",
    "info",
    "nn",
    "open",
    "ops",
    "read",
    "tile_arguments",
    "wcs_slots",
]
