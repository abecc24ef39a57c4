"""Loads the operators: torch.ops.fits.* exist from then on."""

import ctypes
from pathlib import Path

import torch

_PACKAGE = Path(__file__).parent
LIBRARY = _PACKAGE / "lib" / "libtorchfits.so"
CUDA_LIBRARY = _PACKAGE / "lib" / "libtorchfits_cuda.so"

# For CMAKE_PREFIX_PATH: where find_package(torchfits) looks.
cmake_prefix_path = str(_PACKAGE / "share" / "cmake")


def load() -> str:
    """Loads libtorchfits.so, and libtorchfits_cuda.so beside a torch with CUDA; returns the library's version."""
    if not LIBRARY.exists():
        raise ImportError(
            f"torchfits is not built: {LIBRARY} does not exist. Install the package with `pip install .`, "
            "or build it in place with `python setup.py build_ext --inplace`."
        )
    _load(LIBRARY)
    if torch.version.cuda is not None and CUDA_LIBRARY.exists():
        _load(CUDA_LIBRARY)
    torchfits_version = ctypes.CDLL(str(LIBRARY)).torchfits_version
    torchfits_version.restype = ctypes.c_char_p
    version: bytes = torchfits_version()
    return version.decode()


def _load(library: Path) -> None:
    try:
        torch.ops.load_library(str(library))
    except OSError as error:
        raise ImportError(
            f"torchfits cannot load {library}: {error}. It needs torch >= 2.10 (this is {torch.__version__}) and the "
            "libraries it was built with; if one of them is missing or was replaced, install torchfits again."
        ) from error
