"""Run with the Python of an environment into which the wheel was installed: reads real images through it, beside fitsio
and astropy.wcs in the same process, and fails if a system CFITSIO or WCSLIB was loaded, or if the copies disturb each
other.

    python ci/check_wheel.py FOLDER_WITH_FITS_FILES
"""

import re
import sys
from pathlib import Path


def loaded_libraries() -> set[str]:
    return {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if ".so" in line}


def check(order: list[str], folder: Path) -> None:
    """Imports the packages in the order given, then reads with all of them."""
    for name in order:
        __import__(name)
    import astropy.wcs
    import fitsio
    import numpy as np
    import torch
    from astropy.io import fits

    for name in ("m13.fits", "m13_rice.fits", "m13_gzip.fits", "m13_hcomp.fits"):
        hdu = 0 if name == "m13.fits" else 1
        path = str(folder / name)
        ours = torch.ops.fits.read_image(path, hdu).numpy()
        np.testing.assert_array_equal(ours, fits.getdata(path, hdu), err_msg=f"{name}, astropy")
        np.testing.assert_array_equal(ours, fitsio.read(path, hdu), err_msg=f"{name}, fitsio")
        wcs = astropy.wcs.WCS(fits.getheader(path, hdu))
        centre = wcs.all_pix2world([[150, 150]], 0)
        np.testing.assert_array_equal(centre, wcs.all_pix2world([[150, 150]], 0))
        assert np.isfinite(centre).all()
    system = [library for library in loaded_libraries() if re.search(r"/lib(cfitsio|wcs)\b", library)]
    assert not [library for library in system if library.startswith(("/usr", "/lib"))], system


if __name__ == "__main__":
    import os
    import subprocess

    if len(sys.argv) == 2:
        for order in (["torchfits", "fitsio", "astropy.wcs"], ["fitsio", "astropy.wcs", "torchfits"]):
            subprocess.run([sys.executable, __file__, sys.argv[1], ",".join(order)], check=True)
    else:
        check(sys.argv[2].split(","), Path(sys.argv[1]))
        import torch

        import torchfits

        cuda = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU only"
        print(f"torchfits {torchfits.__version__} in {os.path.dirname(torchfits.__file__)}")
        print(
            f"  Python {sys.version.split()[0]}, torch {torch.__version__} ({cuda}), after {sys.argv[2]}: images agree"
        )
