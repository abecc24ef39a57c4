"""torchfits.nn: formulas against NumPy, missing pixels, derivatives, graphs."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import devices
from operator_samples import Files, hdu_bytes
from torch.export import Dim

from torchfits import WCS
from torchfits.nn import (
    Cutouts,
    DecodeCutouts,
    DecodeImages,
    Normalize,
    PixelToWorld,
    ReadImages,
    Scale,
    WorldToPixel,
)

METHODS = ["asinh", "percentile", "standard"]


def saved(module: torch.nn.Module) -> Any:
    """The module scripted, saved and loaded."""
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(module), file)
    file.seek(0)
    return torch.jit.load(file)


# ---- readers


def test_readers_give_what_the_operators_give(tmp_path: Path) -> None:
    files = Files(tmp_path, count=5)
    options = {"fill": -1.0, "dtype": torch.float64, "centered": True, "strict": False}
    read, decode = ReadImages([0, 1], [6, 7], **options), DecodeImages([0, 1], [6, 7], **options)
    expected = torch.ops.fits.read_images(files.paths, [0, 1], [6, 7], **options)
    for module, args in ((read, (files.paths,)), (decode, (files.packed, files.offsets))):
        for form in (module, saved(module)):
            for found, right in zip(form(*args), expected, strict=True):
                assert found.equal(right)


def test_options_left_out() -> None:
    for module in (ReadImages([0], (6, 7)), saved(DecodeImages((0,), [6, 7]))):
        assert (module.fill, module.centered, module.strict) == (None, False, True)
    images, _, _ = ReadImages([0], [2])([])
    assert images.dtype == torch.float32


@pytest.mark.parametrize("frozen", [False, True], ids=["scripted", "frozen"])
def test_a_file_is_read_at_every_call(frozen: bool, tmp_path: Path) -> None:
    """TorchScript evaluates an operator with constant arguments once: the paths are none."""
    module = torch.jit.script(ReadImages([0], [3]).eval())
    read = torch.jit.freeze(module) if frozen else saved(module)
    path = tmp_path / "image.fits"
    for value in range(5):
        path.write_bytes(hdu_bytes(np.full(3, value, "f4")))
        assert read([str(path)])[0].tolist() == [[[value] * 3]]


def test_a_path_inside_a_scripted_function_is_a_constant(tmp_path: Path) -> None:
    """Why modules take paths as inputs. Should TorchScript cease to fold such calls, the documentation may say so."""
    path = tmp_path / "image.fits"
    path.write_bytes(hdu_bytes(np.zeros(3, "f4")))

    class Embedded(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.read = ReadImages([0], [3])
            self.path = str(path)

        def forward(self) -> torch.Tensor:
            return self.read([self.path])[0]

    module = torch.jit.freeze(torch.jit.script(Embedded().eval()))
    before = [module() for _ in range(3)][-1]
    path.write_bytes(hdu_bytes(np.ones(3, "f4")))
    assert module().equal(before)


def test_a_compiled_reader(tmp_path: Path) -> None:
    """The decoder serves every batch with one graph."""
    torch.compiler.reset()
    decode = DecodeImages([0, 1], [6, 7], strict=False)
    with torch.compiler.config.patch(force_disable_caches=True):
        compiled = torch.compile(decode, fullgraph=True, dynamic=True)
        for count in (3, 5, 2):
            files = Files(tmp_path, count, count)
            for found, right in zip(compiled(files.packed, files.offsets), decode(files.packed, files.offsets)):
                torch.testing.assert_close(found, right, rtol=0, atol=0, equal_nan=True)


def test_cutouts_give_what_the_operators_give(tmp_path: Path) -> None:
    files = Files(tmp_path, count=5)
    options = {"fill": -1.0, "dtype": torch.float64}
    read, decode = Cutouts((0, 1), (3, 4), **options), DecodeCutouts([0, 1], [3, 4], **options)
    expected = torch.ops.fits.read_cutouts(files.paths, files.index, [0, 1], files.corners, [3, 4], **options)
    assert (expected == -1).any()
    for module, args in ((read, (files.paths,)), (decode, (files.packed, files.offsets))):
        for form in (module, saved(module)):
            assert form(*args, files.index, files.corners).equal(expected)


def test_options_of_cutouts_left_out(tmp_path: Path) -> None:
    files = Files(tmp_path)
    for module in (Cutouts([1], (2, 3)), saved(Cutouts((1,), [2, 3]))):
        assert (module.hdus, module.size, module.fill) == ([1], [2, 3], None)
        stamps = module(files.paths, files.index, files.corners)
        assert stamps.dtype == torch.float32
        assert stamps.shape == (len(files.index), 1, 2, 3)
        assert stamps[1].isnan().any()  # outside


def test_exported_cutouts_take_any_batch(tmp_path: Path) -> None:
    """Of one program: batches of 1 and more from 1 file and more, none too."""
    decode = DecodeCutouts([0, 1], [3, 4])

    def batch(count: int, cutouts: int) -> tuple[torch.Tensor, ...]:
        files = Files(tmp_path / str(count), count, count)
        return files.packed, files.offsets, files.index[:cutouts], files.corners[:cutouts]

    sizes = ({0: Dim.DYNAMIC}, {0: Dim.DYNAMIC}, {0: Dim.DYNAMIC}, {0: Dim.DYNAMIC})
    with torch.fx.experimental._config.patch(backed_size_oblivious=True):
        program = torch.export.export(decode, batch(3, 6), dynamic_shapes=sizes).module()
    for count, cutouts in ((2, 4), (1, 1), (5, 9), (1, 0)):
        given = batch(count, cutouts)
        torch.testing.assert_close(program(*given), decode(*given), rtol=0, atol=0, equal_nan=True)


# ---- Scale


@pytest.mark.parametrize("device", devices())
def test_scale(device: str) -> None:
    """FITS Standard 4.0, section 4.4.2.5; scripted and exported alike."""
    module = Scale(bscale=0.5, bzero=10.0, blank=-32768, dtype=torch.float64)
    stored = torch.tensor([0, 1, -32768, 32767], dtype=torch.int16, device=device)
    program = torch.export.export(module, (stored,), dynamic_shapes=({0: Dim.DYNAMIC},))
    for form in (module, saved(module), program.module()):
        np.testing.assert_array_equal(form(stored).cpu().numpy(), [10.0, 10.5, np.nan, 16393.5])
    assert Scale()(stored).dtype == torch.float32


# ---- Normalize


def median(values: np.ndarray) -> np.floating:
    """torch.median's: of an even number the lower of the two in the middle."""
    return np.sort(values)[(len(values) - 1) // 2]


def normalized(image: np.ndarray, method: str, nan: float, low: float, high: float, softening: float) -> np.ndarray:
    """The documented formulas for one image, in float64."""
    image = image.astype("f8")
    known = image[np.isfinite(image)]
    out = np.full(image.shape, nan)
    if known.size == 0:
        return out
    if method == "asinh":
        zero, scale = median(known), 1.482602218505602 * median(np.abs(known - median(known)))
        result = np.arcsinh((known - zero) / (softening * (scale or 1)))
    elif method == "percentile":
        zero, top = np.percentile(known, [low, high])
        result = np.clip((known - zero) / ((top - zero) or 1), 0, 1)
    else:
        constant = np.ptp(known) == 0  # NumPy's mean of a constant image may differ from its pixels by a rounding
        result = np.zeros(known.shape) if constant else (known - known.mean()) / known.std()
    out[np.isfinite(image)] = result
    return out


def images(dtype: torch.dtype, device: str) -> torch.Tensor:
    """A batch of two planes each: plain, with holes, constant, with one known pixel, without any."""
    values = np.random.default_rng(5).normal(1000, 20, (5, 2, 9, 7)).round(1)
    values[1, :, 2:5, 1:4] = np.nan
    values[1, 1, 0, :2] = np.inf, -np.inf
    values[2] = 0.1
    values[3] = np.nan
    values[3, :, 4, 4] = 3
    values[4] = np.nan
    return torch.tensor(values, dtype=dtype, device=device)


@pytest.mark.parametrize("device", devices())
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("nan", [0.0, -3.0, float("nan")])
@pytest.mark.parametrize("method", METHODS)
def test_normalize_by_the_formula(method: str, nan: float, dtype: torch.dtype, device: str) -> None:
    options = {"nan": nan, "low": 5.0, "high": 98.5, "softening": 2.0}
    batch = images(dtype, device)
    found = Normalize(method, **options)(batch)
    assert (found.dtype, found.device, found.shape) == (batch.dtype, batch.device, batch.shape)
    planes = batch.double().cpu().numpy().reshape(-1, 9, 7)
    expected = np.stack([normalized(plane, method, **options) for plane in planes]).reshape(batch.shape)
    tolerance = {torch.float64: 1e-12, torch.float32: 2e-5, torch.bfloat16: 1e-2}[dtype]
    np.testing.assert_allclose(found.double().cpu().numpy(), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("method", METHODS)
def test_a_constant_image_is_zero(method: str) -> None:
    """Exactly, for values that binary fractions do not hold, at every size."""
    for value in (0.1, -7.7e8, 1e-30):
        for size in (1, 63, 1001):
            assert (Normalize(method)(torch.full((2, size, size), value)) == 0).all()


@pytest.mark.parametrize("axes", [(-1,), (1,), (-3, -2, -1), (0, 2), (1, 3, 2)])
@pytest.mark.parametrize("method", METHODS)
def test_normalize_along_other_axes(method: str, axes: tuple[int, ...]) -> None:
    batch = torch.rand(3, 2, 5, 4, dtype=torch.float64)
    others = [axis for axis in range(4) if axis not in [a % 4 for a in axes]]
    flat = batch.permute(*others, *[a % 4 for a in axes]).flatten(len(others)).flatten(0, -2)[:, None]
    for form in (Normalize(method, axes=axes), saved(Normalize(method, axes=axes))):
        found = form(batch)
        rows = found.permute(*others, *[a % 4 for a in axes]).flatten(len(others)).flatten(0, -2)[:, None]
        torch.testing.assert_close(rows, Normalize(method, axes=[-1])(flat))


@pytest.mark.parametrize("method", METHODS)
def test_normalize_integers(method: str) -> None:
    stored = torch.randint(-999, 999, (2, 9, 7), dtype=torch.int16)
    found = Normalize(method)(stored)
    assert found.dtype == torch.float32
    assert found.equal(Normalize(method)(stored.float()))
    unsigned = torch.from_numpy(np.arange(63, dtype="u2").reshape(1, 9, 7))
    assert Normalize(method)(unsigned).equal(Normalize(method)(unsigned.float()))


@pytest.mark.parametrize("device", devices())
@pytest.mark.parametrize("method", METHODS)
def test_normalize_is_differentiable(method: str, device: str) -> None:
    """Statistics included, where no pixel sits on a median or a clamp's corner; finite beside missing pixels."""
    smooth = torch.tensor(np.random.default_rng(2).permutation(24).reshape(2, 3, 4) ** 1.7, device=device)
    smooth[0, 1, 2] = torch.nan
    smooth.requires_grad_()
    assert torch.autograd.gradcheck(Normalize(method, low=12.0, high=88.0), (smooth,))
    batch = images(torch.float32, device).requires_grad_()
    Normalize(method)(batch).square().sum().backward()
    assert batch.grad is not None
    assert batch.grad.isfinite().all()
    assert (batch.grad[~batch.isfinite()] == 0).all()


@pytest.mark.parametrize("device", devices())
@pytest.mark.parametrize("method", METHODS)
def test_normalize_in_graphs(method: str, device: str) -> None:
    module = Normalize(method)
    batch = images(torch.float32, device)
    dynamic = {0: Dim.DYNAMIC, 2: Dim.DYNAMIC}
    with torch.fx.experimental._config.patch(backed_size_oblivious=True):
        exported = torch.export.export(module, (batch,), dynamic_shapes=(dynamic,)).module()
    torch.compiler.reset()
    forms = [saved(module), exported, torch.compile(module, fullgraph=True, dynamic=True)]
    for form in forms:
        for some in (batch, batch[:1], batch[:2, :, :5]):
            torch.testing.assert_close(form(some), module(some))


def test_normalize_refuses() -> None:
    for options, says in (
        ({"method": "log"}, "method is 'log'"),
        ({"axes": ()}, "axes is empty"),
        ({"low": 50.0, "high": 50.0}, "low=50.0 and high=50.0"),
        ({"high": 101.0}, "percentiles"),
        ({"softening": 0.0}, "softening=0.0"),
    ):
        with pytest.raises(ValueError, match=says):
            Normalize(**options)


# ---- world coordinates


def some_wcs(projection: str = "TAN", ra: float = 150.1) -> WCS:
    cards = {"CTYPE1": f"RA---{projection}", "CTYPE2": f"DEC--{projection}", "CRVAL1": ra, "CRVAL2": 2.2}
    return WCS(cards | {"CRPIX1": 10.0, "CRPIX2": 12.0, "CDELT1": -1e-4, "CDELT2": 1e-4})


@pytest.mark.parametrize("device", devices())
@pytest.mark.parametrize("kept", [True, False], ids=["buffer", "input"])
@pytest.mark.parametrize("kind", [PixelToWorld, WorldToPixel])
def test_world_coordinates_in_graphs(kind: type[Any], kept: bool, device: str) -> None:
    wcs = some_wcs().to(device)
    module = kind(wcs if kept else None)
    points = torch.rand(5, 2, dtype=torch.float64, device=device)
    points = points if kind is PixelToWorld else wcs.pixel_to_world(points)
    args = (points,) if kept else (points, wcs.packed)
    expected = wcs.pixel_to_world(points) if kind is PixelToWorld else wcs.world_to_pixel(points)
    dynamic = ({0: Dim.DYNAMIC}, None)[: len(args)]
    with torch.fx.experimental._config.patch(backed_size_oblivious=True):
        exported = torch.export.export(module, args, dynamic_shapes=dynamic).module()
    torch.compiler.reset()
    frozen = torch.jit.freeze(torch.jit.script(module.eval()))
    forms = [module, saved(module), frozen, exported, torch.compile(module, fullgraph=True, dynamic=True)]
    for form in forms:
        assert form(*args).equal(expected)
        assert form(points[:1], *args[1:]).equal(expected[:1])


def test_wcs_of_a_call_comes_before_the_one_that_is_kept() -> None:
    one, batch = some_wcs(), WCS.stack([some_wcs("SIN"), some_wcs("CAR", 33.0)])
    points = torch.rand(2, 7, 2, dtype=torch.float64)
    assert PixelToWorld(one)(points, batch.packed).equal(batch.pixel_to_world(points))
    assert PixelToWorld(batch)(points).equal(batch.pixel_to_world(points))
    assert PixelToWorld(one.packed)(points).equal(one.pixel_to_world(points))
    for module in (PixelToWorld(), saved(WorldToPixel())):
        with pytest.raises((RuntimeError, torch.jit.Error), match="no WCS: give one to the module or to forward"):
            module(points)
    with pytest.raises(ValueError, match="packed WCS"):
        PixelToWorld(torch.zeros(3))


def test_a_wcs_that_is_kept_stays_exact() -> None:
    wcs = some_wcs()
    points = torch.rand(3, 2, dtype=torch.float64)
    model = torch.nn.Sequential(PixelToWorld(wcs))
    for changed in (model.half(), model.float(), model.to(torch.bfloat16), model.double()):
        assert changed[0].wcs.dtype == torch.float64
        assert changed(points).equal(wcs.pixel_to_world(points))
    other = torch.nn.Sequential(PixelToWorld(some_wcs(ra=1.0)))
    other.load_state_dict(model.state_dict())
    assert other(points).equal(wcs.pixel_to_world(points))
    model[0].wcs.zero_()
    assert wcs == some_wcs()


def test_gradients_through_modules() -> None:
    wcs = some_wcs()
    points = torch.rand(3, 2, dtype=torch.float64, requires_grad=True)
    WorldToPixel(wcs)(PixelToWorld(wcs)(points)).sum().backward()
    torch.testing.assert_close(points.grad, torch.ones_like(points), rtol=0, atol=1e-8)


def test_modules_say_what_they_are() -> None:
    assert str(PixelToWorld(some_wcs())) == f"PixelToWorld(wcs=[{len(some_wcs().packed)}])"
    assert str(WorldToPixel()) == "WorldToPixel()"
    assert str(Normalize("percentile", low=2)) == "Normalize('percentile', axes=(-2, -1), low=2.0, high=99.0, nan=0.0)"
    assert str(ReadImages([0], [63, 63], strict=False)).startswith("ReadImages(hdus=[0], shape=[63, 63]")
    assert str(Cutouts([1], (64, 64))) == "Cutouts(hdus=[1], size=[64, 64], dtype=torch.float32)"
    assert str(DecodeCutouts([0], [9], fill=1)) == "DecodeCutouts(hdus=[0], size=[9], dtype=torch.float32, fill=1.0)"
    assert str(Scale(2, 1, 4)) == "Scale(bscale=2.0, bzero=1.0, blank=4, dtype=torch.float32)"
