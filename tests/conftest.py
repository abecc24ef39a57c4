"""What every test may use: devices, real files, and one setting for hypothesis."""

import os
from pathlib import Path

import hypothesis
import pytest
import real_files as real
import torch

# Tests measure themselves against clocks of their own where time matters; elsewhere a busy machine is no failure.
hypothesis.settings.register_profile("short", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.register_profile("long", deadline=None, max_examples=5000)
hypothesis.settings.load_profile("short")


def devices() -> list[str]:
    """For @pytest.mark.parametrize("device", devices()): the CPU, and CUDA where there is a GPU."""
    return ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


@pytest.fixture(scope="session")
def real_files() -> dict[str, Path]:
    """Every real file by its name inside its package; see tests/real_files.py."""
    return real.real_files()


@pytest.fixture(scope="session")
def m13() -> Path:
    """M13, 300 x 300 pixels of 16 bits, uncompressed."""
    return real.real_file("astropy/io/fits/hdu/compressed/tests/data/m13.fits")


@pytest.fixture(scope="session")
def run_model() -> Path:
    """The C++ program that runs exported models."""
    import native_program  # it needs the built library, which not every test does

    return native_program.run_model()
