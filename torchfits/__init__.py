"""FITS for PyTorch: the operators torch.ops.fits.* and a thin Python package around them."""

from torchfits import _library
from torchfits._library import cmake_prefix_path

__version__ = _library.load()

from torchfits import nn, ops  # noqa: E402  operators need the loaded library; ops registers fakes and derivatives

__all__ = ["__version__", "cmake_prefix_path", "nn", "ops"]
