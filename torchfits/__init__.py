"""FITS for PyTorch: the operators torch.ops.fits.* and a thin Python package around them."""

from torchfits import _library
from torchfits._library import cmake_prefix_path

__version__ = _library.load()

# These need the loaded library; ops registers fakes and derivatives.
from torchfits import nn, ops
from torchfits.card import Card
from torchfits.header import Header, headers_from_texts

__all__ = ["Card", "Header", "__version__", "cmake_prefix_path", "headers_from_texts", "nn", "ops"]
