"""Run with the Python of an environment into which the wheel was installed: reads real images through it, beside fitsio
and astropy.wcs in the same process, and fails if a system CFITSIO or WCSLIB was loaded, or if the copies disturb each
other.

    python ci/check_wheel.py FOLDER_OF_M13                                   both orders of import, for a wheel
    python ci/check_wheel.py FOLDER_OF_M13 torchfits fitsio astropy.wcs      one order, for any build
"""

import re
import subprocess
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


def check_nothing_of_the_system() -> None:
    system = [library for library in loaded_libraries() if re.match(r"(/usr)?/lib.*/lib(cfitsio|wcs)\b", library)]
    assert not system, system


if __name__ == "__main__":
    folder, *order = sys.argv[1:]
    if not order:
        for order in (["torchfits", "fitsio", "astropy.wcs"], ["fitsio", "astropy.wcs", "torchfits"]):
            subprocess.run([sys.executable, __file__, folder, *order, "--wheel"], check=True)
    else:
        check([name for name in order if name != "--wheel"], Path(folder))
        if "--wheel" in order:
            check_nothing_of_the_system()
        import torch

        import torchfits

        cuda = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU only"
        print(f"torchfits {torchfits.__version__} in {Path(torchfits.__file__).parent}")
        print(f"  Python {sys.version.split()[0]}, torch {torch.__version__} ({cuda}), {' '.join(order)}: images agree")
