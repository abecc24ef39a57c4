"""torchfits in one process with the CFITSIO inside fitsio and the WCSLIB inside astropy: no copy displaces another."""

import subprocess
import sys
from pathlib import Path

import pytest

CHECK = Path(__file__).parents[1] / "ci" / "check_wheel.py"


ORDERS = [["torchfits", "fitsio", "astropy.wcs"], ["fitsio", "astropy.wcs", "torchfits"]]


@pytest.mark.parametrize("order", ORDERS, ids=" ".join)
def test_images_agree_whatever_was_imported_first(order, m13):
    checked = subprocess.run([sys.executable, CHECK, m13.parent, *order], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    assert "images agree" in checked.stdout
