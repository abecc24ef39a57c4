"""Bytes to prediction in one graph: AOTInductor and TorchScript, from Python and from a C++ program without Python."""

from __future__ import annotations

import gzip
import re
import runpy
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from astropy.io import fits
from native_program import ROOT, build, run, without_python
from operator_samples import hdu_bytes, packed
from torch import Tensor, nn

import torchfits

BATCHES = [1, 2, 11]
CLASSES = 4


class Classify(nn.Module):
    """What an alert broker would run: decode, normalise, a small convolutional net."""

    def __init__(self, strict: bool = False) -> None:
        super().__init__()
        self.decode = torchfits.nn.DecodeImages([0, 1], [15, 13], centered=True, strict=strict)
        self.normalize = torchfits.nn.Normalize("asinh")
        self.net = nn.Sequential(
            nn.Conv2d(2, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(72, CLASSES)
        )

    def forward(self, data: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
        images, _, status = self.decode(data, offsets)
        return self.net(self.normalize(images)), status


def stamp(item: int) -> bytes:
    """A gzipped FITS file: an image with missing pixels, smaller or larger than the net's, and its 16-bit mask."""
    random = np.random.default_rng(item)
    shape = (15 - item % 3, 13 + item % 2)
    image = random.normal(100, 5, shape).astype("f4")
    image[random.integers(0, 10, 5), random.integers(0, 10, 5)] = np.nan
    mask = random.integers(0, 3, shape, dtype="i2")
    return gzip.compress(hdu_bytes(image) + hdu_bytes(mask, primary=False, BZERO=32768), mtime=0)


def stamps(count: int) -> tuple[Tensor, Tensor]:
    """Item 1 is null, as a broker's missing stamps are."""
    return packed([b"" if item == 1 else stamp(item) for item in range(count)])


@pytest.fixture(scope="module")
def model() -> Classify:
    torch.manual_seed(13)
    return Classify().eval()


@pytest.fixture(scope="module")
def program(model: Classify) -> torch.export.ExportedProgram:
    """Exported once. backed_size_oblivious: otherwise a batch of one is not allowed, B being len(offsets) - 1."""
    dynamic = {0: torch.export.Dim.DYNAMIC}
    with torch.fx.experimental._config.patch(backed_size_oblivious=True):
        return torch.export.export(model, stamps(3), dynamic_shapes=(dynamic, dynamic))


@pytest.fixture(scope="module")
def package(program: torch.export.ExportedProgram, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compiled by AOTInductor once."""
    path = tmp_path_factory.mktemp("package") / "classify.pt2"
    with torch.fx.experimental._config.patch(backed_size_oblivious=True):
        torch._inductor.aoti_compile_and_package(program, package_path=str(path))
    return path


@pytest.fixture(scope="module")
def script(model: Classify, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("script") / "classify.pt"
    torch.jit.script(model).save(str(path))
    return path


@torch.inference_mode()
def outputs(call: Callable[..., Any], batch: int) -> tuple[Tensor, Tensor]:
    scores, status = call(*stamps(batch))
    assert scores.shape == (batch, CLASSES)
    assert status.shape == (batch, 2)
    return scores, status


@pytest.mark.parametrize("batch", BATCHES)
def test_exported(model: Classify, program: torch.export.ExportedProgram, batch: int) -> None:
    found, expected = outputs(program.module(), batch), outputs(model, batch)
    torch.testing.assert_close(found, expected)
    assert expected[1].flatten().tolist() == [0, 0, 1, 1, *[0] * 18][: 2 * batch]
    assert expected[0].isfinite().all()


@pytest.mark.parametrize("batch", BATCHES)
def test_aotinductor_from_python(model: Classify, package: Path, batch: int) -> None:
    compiled = torch._inductor.aoti_load_package(str(package))
    torch.testing.assert_close(outputs(compiled, batch), outputs(model, batch))


class Stamps(nn.Module):
    """Cutouts around positions on the sky, of files in memory: positions in, normalised stamps out."""

    def __init__(self, wcs: torchfits.WCS) -> None:
        super().__init__()
        self.register_buffer("wcs", wcs.packed)
        self.to_pixel = torchfits.nn.WorldToPixel(wcs)
        self.decode = torchfits.nn.DecodeCutouts([0, 1], [6, 5])
        self.normalize = torchfits.nn.Normalize("asinh")

    def forward(self, data: Tensor, offsets: Tensor, index: Tensor, sky: Tensor) -> tuple[Tensor, Tensor]:
        pixels = self.to_pixel(sky).flip(-1)
        corners = torch.ceil(pixels - torch.tensor([6, 5]) / 2).long()
        around = torch.ops.fits.read_cutouts_sky.packed(
            data, offsets, index, [0, 1], sky, self.wcs, [6, 5], dtype=torch.float32
        )
        return self.normalize(self.decode(data, offsets, index, corners)), self.normalize(around)


def sky_stamps(count: int) -> tuple[Tensor, ...]:
    """Files without a null among them, and cutouts of them: some reach outside."""
    random = np.random.default_rng(count)
    data, offsets = packed([stamp(item) for item in range(count)])
    sky = torch.from_numpy(random.uniform((10.0, 20.0), (10.013, 20.014), (2 * count, 2)))
    return data, offsets, torch.from_numpy(random.integers(0, count, 2 * count)), sky


def test_aotinductor_of_cutouts(tmp_path: Path) -> None:
    """World coordinates, read_cutouts.packed, read_cutouts_sky.packed and Normalize in one graph of any batch."""
    header = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CRVAL2": 20.0}
    wcs = torchfits.WCS(header | {"CRPIX1": 1.0, "CRPIX2": 1.0, "CDELT1": 1e-3, "CDELT2": 1e-3})
    model = Stamps(wcs).eval()
    dynamic = {0: torch.export.Dim.DYNAMIC}
    with torch.fx.experimental._config.patch(backed_size_oblivious=True):
        program = torch.export.export(model, sky_stamps(3), dynamic_shapes=(dynamic,) * 4)
        path = torch._inductor.aoti_compile_and_package(program, package_path=str(tmp_path / "stamps.pt2"))
    compiled = torch._inductor.aoti_load_package(path)
    for batch in BATCHES:
        given = sky_stamps(batch)
        expected = model(*given)
        assert expected[0].shape == (2 * batch, 2, 6, 5)
        torch.testing.assert_close(expected[1], expected[0])
        for form in (compiled, program.module()):
            torch.testing.assert_close(form(*given), expected)


def test_program_does_not_know_python(run_model: Path) -> None:
    linked = subprocess.run(["ldd", run_model], capture_output=True, text=True, check=True).stdout
    assert "libtorchfits.so" in linked
    assert "not found" not in linked
    assert "python" not in linked.replace("/python3", "")  # the folder torch lies in may be Python's


@pytest.mark.parametrize("form", ["package", "script"])
def test_program_gives_what_python_gives(
    form: str, run_model: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = request.getfixturevalue(form)
    load = torch._inductor.aoti_load_package if form == "package" else torch.jit.load
    in_python = load(str(path))
    threads = str(torch.get_num_threads())
    sizes = ",".join(map(str, BATCHES))
    written, lines = run(run_model, path, stamps(11), tmp_path, "--batch", sizes, "--threads", threads)
    expected = [tensor for batch in BATCHES for tensor in outputs(in_python, batch)]
    assert written == b"".join(tensor.numpy().tobytes() for tensor in expected)
    assert [line["batch"] for line in lines] == BATCHES
    assert {line["torchfits"] for line in lines} == {torchfits.__version__}


def test_program_measures(run_model: Path, script: Path, tmp_path: Path) -> None:
    _, lines = run(run_model, script, stamps(11), tmp_path, "--repeat", "3", "--threads", "1")
    assert lines[0]["batch"] == 11
    assert lines[0]["threads"] == 1
    assert lines[0]["stamps_per_second"] == pytest.approx(11 / lines[0]["seconds"], rel=1e-3)


def test_program_names_what_is_wrong(run_model: Path, tmp_path: Path) -> None:
    script = tmp_path / "strict.pt"
    torch.jit.script(Classify(strict=True).eval()).save(str(script))
    with pytest.raises(RuntimeError, match=r"item 1\[0\].*no bytes"):
        run(run_model, script, stamps(3), tmp_path)
    with pytest.raises(RuntimeError, match="--batch"):
        run(run_model, script, stamps(3), tmp_path, "--batch", "4")


def test_the_program_of_the_documentation(tmp_path: Path, m13: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/deploy.md: its model exported, its program built and run on it."""
    page = (ROOT / "docs/deploy.md").read_text()
    shutil.copy(m13, tmp_path / "m13.fits")
    fits.CompImageHDU(fits.getdata(m13), compression_type="RICE_1").writeto(tmp_path / "m13.fits.fz")
    for language, file in (("cmake", "CMakeLists.txt"), ("cpp", "main.cpp"), ("python", "model.py")):
        text = "".join(re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
        (tmp_path / file).write_text(text)
    monkeypatch.chdir(tmp_path)
    namespace = runpy.run_path("model.py", run_name="model")
    build(tmp_path, tmp_path / "build", "-DCMAKE_CXX_COMPILER_LAUNCHER=" + (shutil.which("ccache") or ""))
    done = subprocess.run([tmp_path / "build/classify"], capture_output=True, text=True, env=without_python())
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"torchfits {torchfits.__version__}" in done.stdout
    printed = [float(number) for number in re.findall(r"-?\d+\.\d+(?:e[-+]\d+)?", done.stdout.partition("\n")[2])]
    np.testing.assert_allclose(printed, namespace["scores"].flatten().tolist() * 2, rtol=1e-3, atol=1e-4)
