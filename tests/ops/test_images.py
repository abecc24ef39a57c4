"""read_image, read_section, read_images, read_images_ragged: values against astropy, placing, status, graphs."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from astropy.io import fits
from operator_samples import CONVENTIONS, Convention, as_tensor, astropy_image, hdu_bytes, packed

ops = torch.ops.fits
SHAPES = [(7,), (5, 9), (3, 4, 5), (2, 3, 1, 5)]
FLOATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
INTEGERS = [torch.uint8, torch.int8, torch.int16, torch.uint16, torch.int32, torch.uint32, torch.int64, torch.uint64]
PLAIN = {convention.name: convention for convention in CONVENTIONS}


def array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.float().numpy() if tensor.dtype == torch.bfloat16 else tensor.numpy()


def assert_equal(found: torch.Tensor, expected: np.ndarray) -> None:
    """The same dtype, shape and values; zeros with the same sign, NaN at the same places."""
    values = array(found)
    assert (values.dtype, values.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(values, expected)
    if values.dtype.kind == "f":
        number = ~np.isnan(values)
        np.testing.assert_array_equal(np.signbit(values)[number], np.signbit(expected)[number])


def assert_as_astropy(found: torch.Tensor, expected: np.ndarray, convention: Convention) -> None:
    """astropy scales single precision in single precision, two roundings; ours is the exact float64 result, rounded
    once (test_read_image_to_any_dtype), as CFITSIO's. Everything else is the same to the bit."""
    if expected.dtype == np.float32 and "BSCALE" in convention.cards:
        assert found.dtype == torch.float32
        error = 2**-23 * (np.abs(expected) + abs(convention.cards["BZERO"]))
        difference = np.abs(found.numpy().astype("f8") - expected)
        same = (found.numpy() == expected) | (np.isnan(found.numpy()) & np.isnan(expected))
        assert (same | (difference <= error)).all()
        expected = found.numpy()
    assert_equal(found, expected)


def forms(file: bytes, folder: Path) -> Iterator[tuple[Any, Any]]:
    """Every form of source for one file: the operator's forms differ in their first argument alone."""
    for name, content in (("plain.fits", file), ("zipped.fits", gzip.compress(file, 1))):
        (folder / name).write_bytes(content)
        yield str(folder / name), as_tensor(content)


@pytest.mark.parametrize("scaled", [True, False], ids=["scaled", "stored"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("convention", CONVENTIONS, ids=lambda c: c.name)
def test_read_image_as_astropy(convention: Convention, shape: tuple[int, ...], scaled: bool, tmp_path: Path) -> None:
    file = convention.file(shape)
    expected = astropy_image(file, scaled=scaled)
    for path, data in forms(file, tmp_path):
        for image in (ops.read_image(path, scaled=scaled), ops.read_image(data, scaled=scaled)):
            if scaled:
                assert_as_astropy(image, expected, convention)
            else:
                assert_equal(image, expected)


def physical(convention: Convention, stored: np.ndarray) -> list[int | float]:
    """Each pixel exactly: an integer where no scaling makes it a float64 number; NaN for BLANK in floating results."""
    bscale, bzero = convention.cards.get("BSCALE", 1), convention.cards.get("BZERO", 0)
    if isinstance(bzero, int) and bscale == 1:
        return [value + bzero if bzero else value for value in stored.ravel().tolist()]
    return [float(value) * bscale + bzero for value in stored.ravel().tolist()]


def to_integer(value: int | float, dtype: torch.dtype) -> int:
    limits = torch.iinfo(dtype)
    if value != value:
        return 0
    if value in (np.inf, -np.inf):
        return limits.max if value > 0 else limits.min
    return min(max(int(value), limits.min), limits.max)


def to_float(value: int | float, dtype: torch.dtype) -> float:
    """Rounded once, to float32 first where the result has 16 bits. Python rounds an int to float exactly once."""
    if dtype == torch.float64:
        return float(value)
    if isinstance(value, int):
        single = np.uint64(value).astype("f4") if value >= 0 else np.int64(value).astype("f4")
    else:
        with np.errstate(over="ignore"):
            single = np.float64(value).astype("f4")
    return float(torch.tensor(single).to(dtype))


@pytest.mark.parametrize("dtype", FLOATS + INTEGERS, ids=lambda d: str(d).removeprefix("torch."))
@pytest.mark.parametrize("convention", CONVENTIONS, ids=lambda c: c.name)
def test_read_image_to_any_dtype(convention: Convention, dtype: torch.dtype, tmp_path: Path) -> None:
    """The rule of read_image's documentation, pixel by pixel in Python's exact arithmetic."""
    file = convention.file((3, 7))
    stored = convention.stored((3, 7))
    cast = to_float if dtype.is_floating_point else to_integer
    expected = [cast(value, dtype) for value in physical(convention, stored)]
    if dtype.is_floating_point and "BLANK" in convention.cards:
        expected = [np.nan if raw == convention.cards["BLANK"] else x for raw, x in zip(stored.ravel(), expected)]
    for path, data in forms(file, tmp_path):
        for source in (path, data):
            image = ops.read_image(source, dtype=dtype)
            assert image.dtype == dtype
            # As text: exact for integers, and NaN equals NaN and 0.0 not -0.0.
            assert list(map(repr, array(image).ravel().tolist())) == list(map(repr, expected))


def test_read_image_of_each_hdu(tmp_path: Path) -> None:
    """Kinds of HDU that are no image, and what is not there."""
    table = fits.BinTableHDU.from_columns([fits.Column("A", "J", array=[1, 2])])
    path = str(tmp_path / "many.fits")
    image = np.arange(6, dtype="i4").reshape(2, 3)
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(image), table, fits.ImageHDU(image * 2)]).writeto(path)
    for source in (path, ops.read_file(path)):
        assert_equal(ops.read_image(source, 1), image)
        assert_equal(ops.read_image(source, 3), image * 2)
        for hdu, error, match in (
            (0, RuntimeError, r"\[0\].*empty"),
            (2, RuntimeError, r"\[2\].*binary table"),
            (4, IndexError, r"\[4\]"),
            (-1, ValueError, "-1"),
        ):
            with pytest.raises(error, match=match):
                ops.read_image(source, hdu)
    with pytest.raises(RuntimeError, match=r"missing\.fits"):
        ops.read_image(str(tmp_path / "missing.fits"))
    with pytest.raises(ValueError, match=r"2 axes.*naxis = 3"):
        ops.read_image(path, 1, naxis=3)
    with pytest.raises(ValueError, match="dtype"):
        ops.read_image(path, 1, dtype=torch.complex64)


def test_read_image_wants_host_bytes() -> None:
    with pytest.raises(ValueError, match="uint8"):
        ops.read_image(torch.zeros(2880))
    with pytest.raises(ValueError, match="contiguous"):
        ops.read_image(torch.zeros(5760, dtype=torch.uint8)[::2])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", ["8-signed", "16-blank-scaled", "32", "64-unsigned", "-32", "-64-scaled"])
def test_read_section_as_astropy(name: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    file = PLAIN[name].file(shape)
    whole = astropy_image(file)
    random = np.random.default_rng(3)
    for path, data in forms(file, tmp_path):
        for _ in range(6):
            start = [int(random.integers(0, n)) for n in shape]
            size = [int(random.integers(0, n - first + 1)) for n, first in zip(shape, start)]
            expected = whole[tuple(slice(a, a + n) for a, n in zip(start, size))]
            assert_as_astropy(ops.read_section(path, 0, start, size), expected, PLAIN[name])
            assert_as_astropy(ops.read_section(data, 0, start, size), expected, PLAIN[name])


@pytest.mark.parametrize(
    "start, size", [([0, 0], [6, 1]), ([5, 1], [1, 1]), ([-1, 0], [1, 1]), ([0, 2**62], [1, 2**62])]
)
def test_read_section_outside_the_image(start: list[int], size: list[int]) -> None:
    with pytest.raises(ValueError, match="does not lie in the image"):
        ops.read_section(as_tensor(PLAIN["16"].file((5, 9))), 0, start, size)


def test_read_section_needs_every_axis() -> None:
    with pytest.raises(ValueError, match="2 axes; start has 1"):
        ops.read_section(as_tensor(PLAIN["16"].file((5, 9))), 0, [0], [1])


# ---- batches


def placed(image: np.ndarray, shape: tuple[int, ...], centered: bool, fill: float) -> np.ndarray:
    """One plane of read_images: cropped or padded, the odd pixel over at the end."""
    out = np.full(shape, fill, image.dtype)
    source, target = [], []
    for have, want in zip(image.shape, shape):
        common, crop, pad = min(have, want), max(have - want, 0), max(want - have, 0)
        source.append(slice(crop // 2 * centered, crop // 2 * centered + common))
        target.append(slice(pad // 2 * centered, pad // 2 * centered + common))
    out[tuple(target)] = image[tuple(source)]
    return out


def batch_forms(files: list[bytes], folder: Path) -> Iterator[tuple[Any, ...]]:
    """The leading arguments of both forms of a batch reader."""
    paths = [folder / f"{item}.fits" for item in range(len(files))]
    for path, file in zip(paths, files):
        path.write_bytes(file)
    yield (list(map(str, paths)),)
    yield packed(files)


@pytest.mark.parametrize("centered", [False, True], ids=["corner", "centered"])
@pytest.mark.parametrize(
    "shape, want", [((7,), (8,)), ((5, 8), (6, 5)), ((4, 5, 3), (3, 3, 6)), ((2, 3, 1, 5), (3, 2, 2, 2))]
)
@pytest.mark.parametrize("dtype, fill", [(None, None), (torch.float64, -1.5), (torch.int16, None), (torch.uint8, 9.0)])
def test_read_images_places(
    shape: tuple[int, ...],
    want: tuple[int, ...],
    centered: bool,
    dtype: torch.dtype | None,
    fill: float,
    tmp_path: Path,
) -> None:
    """Planes of several HDUs, images of several sizes, every second file gzipped."""
    files, expected, extents = [], [], []
    value = fill if fill is not None else 0 if dtype in INTEGERS else np.nan
    for item in range(5):
        size = tuple(n + (item + axis) % 3 - 1 for axis, n in enumerate(shape))
        size = tuple(max(n, 1) for n in size)
        file = PLAIN["16-scaled"].file(size, item)
        file += hdu_bytes(PLAIN["-32"].stored(size, item), primary=False)
        planes = [array(ops.read_image(as_tensor(file), hdu, dtype=dtype or torch.float32)) for hdu in (1, 0)]
        expected.append([placed(plane, want, centered, value) for plane in planes])
        extents.append([size, size])
        files.append(gzip.compress(file, 1) if item % 2 else file)
    for source in batch_forms(files, tmp_path):
        images, found, status = ops.read_images(*source, [1, 0], want, fill=fill, dtype=dtype, centered=centered)
        assert_equal(images, np.array(expected))
        assert_equal(found, np.array(extents, dtype="i8"))
        assert_equal(status, np.zeros((5, 2), dtype="i4"))


def compressed_damaged() -> bytes:
    """A tile-compressed image one of whose tiles lost its bytes' meaning."""
    import io

    out = io.BytesIO()
    image = np.random.default_rng(0).integers(0, 999, (6, 7), dtype="i2")
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(image, compression_type="GZIP_1")]).writeto(out)
    file = bytearray(out.getvalue())
    heap = int(ops.hdus(as_tensor(bytes(file)))[1, 2]) + 6 * 8
    file[heap : heap + 40] = b"\xff" * 40
    return bytes(file)


GOOD = PLAIN["-32"].file((4, 6))
TABLE = (
    GOOD + fits.BinTableHDU.from_columns([fits.Column("A", "J", array=[1])]).header.tostring().encode() + bytes(2880)
)
# Status, what the error says, the file (None: there is none), its HDU.
BAD: list[tuple[int, str, bytes | None, int]] = [
    (1, "empty", hdu_bytes(None), 0),
    (2, "", None, 0),
    (3, "", b"Not FITS at all. " * 400, 0),
    (4, "cut off", GOOD[:2900], 0),
    (4, "", gzip.compress(GOOD)[:-30], 0),
    (5, "no HDU 1", GOOD, 1),
    (6, "binary table", TABLE, 1),
    (7, "3 axes", PLAIN["16"].file((2, 4, 6)), 0),
    (8, "", compressed_damaged(), 1),
    (9, "BITPIX", GOOD.replace(b"BITPIX  =                  -32", b"BITPIX  =                   24"), 0),
]


@pytest.mark.parametrize("status, says, file, hdu", BAD, ids=[f"{b[0]}-{i}" for i, b in enumerate(BAD)])
def test_a_bad_item(status: int, says: str, file: bytes | None, hdu: int, tmp_path: Path) -> None:
    """Between two good ones: not strict, it is filled and the others are whole; strict, it is named."""
    sound = PLAIN["-32"].file((4, 6), 5) + hdu_bytes(PLAIN["16"].stored((4, 6)), primary=False)
    expected = array(ops.read_image(as_tensor(sound), hdu, dtype=torch.float32))
    sources = list(batch_forms([sound, file or b"", sound], tmp_path))
    if file is None:
        Path(sources[0][0][1]).unlink()
    codes = [status, status if file is not None else 1]  # in memory there is no file that could not be opened
    for source, code in zip(sources, codes):
        images, extents, found = ops.read_images(*source, [hdu], [4, 6], fill=-1.0, strict=False)
        assert found.tolist() == [[0], [code], [0]]
        np.testing.assert_array_equal(images[0, 0], expected)
        np.testing.assert_array_equal(images[2, 0], expected)
        assert (images[1] == -1).all()
        assert extents.tolist() == [[[4, 6]], [[0, 0]], [[4, 6]]]

        values, offsets, shapes, found = ops.read_images_ragged(*source, [hdu], 2, strict=False)
        assert found.tolist() == [[0], [code], [0]]
        first, last = offsets[1:3].tolist()
        assert values[:first].reshape(4, 6).equal(images[0, 0]) or np.isnan(expected).any()
        assert last == first or code == 8
        assert shapes[[0, 2]].tolist() == [[[4, 6]], [[4, 6]]]

        name = "1.fits" if len(source) == 1 else "item 1"
        error = IndexError if code == 5 else RuntimeError
        for read in (
            lambda source=source: ops.read_images(*source, [hdu], [4, 6]),
            lambda source=source: ops.read_images_ragged(*source, [hdu], 2),
        ):
            with pytest.raises(error, match=rf"{name}\[{hdu}\].*{says if code == status else ''}"):
                read()


def test_null_items_and_missing_planes() -> None:
    """As alert brokers send them: no bytes, and files without the mask."""
    both = GOOD + hdu_bytes(PLAIN["16"].stored((4, 6)), primary=False)
    data, offsets = packed([b"", both, GOOD, b"", gzip.compress(both)])
    images, extents, status = ops.read_images(data, offsets, [0, 1], [4, 6], strict=False)
    assert status.tolist() == [[1, 1], [0, 0], [0, 5], [1, 1], [0, 0]]
    assert images[0].isnan().all()
    assert images[2, 1].isnan().all()
    assert extents[2].tolist() == [[4, 6], [0, 0]]
    with pytest.raises(RuntimeError, match=r"item 0\[0\]"):
        ops.read_images(data, offsets, [0, 1], [4, 6])


def test_empty_batch() -> None:
    data, offsets = packed([])
    images, extents, status = ops.read_images(data, offsets, [0], [4, 6])
    assert (images.shape, extents.shape, status.shape) == ((0, 1, 4, 6), (0, 1, 2), (0, 1))
    assert ops.read_images([], [0], [4, 6])[0].shape == (0, 1, 4, 6)
    values, offsets, shapes, status = ops.read_images_ragged(data, offsets, [0], 2)
    assert (values.shape, offsets.tolist(), shapes.shape, status.shape) == ((0,), [0], (0, 1, 2), (0, 1))


@pytest.mark.parametrize("offsets", [[0, 5761], [-1, 5760], [10, 5], [[0, 5760]], []])
def test_offsets_are_checked(offsets: list[Any]) -> None:
    with pytest.raises(ValueError, match="offsets"):
        ops.read_images(as_tensor(GOOD), torch.tensor(offsets, dtype=torch.int64), [0], [4, 6])


@pytest.mark.parametrize("naxis", [1, 2, 3, 4])
def test_ragged_is_each_image_end_to_end(naxis: int, tmp_path: Path) -> None:
    shapes = [tuple(1 + (item + axis) % 4 for axis in range(naxis)) for item in range(6)]
    files = [
        PLAIN["32-blank"].file(shape, item)
        + hdu_bytes(PLAIN["64-unsigned"].stored(shape[::-1]), primary=False, BZERO=2**63)
        for item, shape in enumerate(shapes)
    ]
    for dtype in (None, torch.float64, torch.int32):
        for source in batch_forms([gzip.compress(f) if i % 2 else f for i, f in enumerate(files)], tmp_path):
            values, offsets, sizes, status = ops.read_images_ragged(*source, [0, 1], naxis, dtype=dtype)
            assert (status == 0).all()
            assert offsets[-1] == len(values)
            for i, file in enumerate(files):
                for hdu in (0, 1):
                    image = values[offsets[2 * i + hdu] : offsets[2 * i + hdu + 1]].view(*sizes[i, hdu].tolist())
                    assert_equal(image, array(ops.read_image(as_tensor(file), hdu, dtype=dtype or torch.float32)))


# ---- graphs


@pytest.fixture
def fresh_compiler() -> Iterator[None]:
    torch.compiler.reset()
    with torch.compiler.config.patch(force_disable_caches=True):
        yield


def rewrite(path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    path.write_bytes(hdu_bytes(np.arange(np.prod(shape)).astype(dtype).reshape(shape)))


def double(path: str) -> tuple[torch.Tensor, torch.Tensor]:
    image = torch.ops.fits.read_image(path)
    return image, image * 2


class Double(torch.nn.Module):
    def forward(self, path: str) -> tuple[torch.Tensor, torch.Tensor]:
        return double(path)


@pytest.mark.usefixtures("fresh_compiler")
@pytest.mark.parametrize("form", ["compile", "lowered export"])
def test_a_graph_refuses_another_dtype_or_rank(form: str, tmp_path: Path) -> None:
    """Compiled kernels count on what the file had at capture: without the refusal they misread int16 as float32."""
    file = tmp_path / "image.fits"
    rewrite(file, "f4", (3, 4))
    if form == "compile":
        graph = torch.compile(double, fullgraph=True)
        graph(str(file))
    else:
        graph = torch.export.export(Double(), (str(file),)).run_decompositions().module()
    for shape in ((3, 4), (5, 6), (1, 1), (1, 7)):
        rewrite(file, "f4", shape)
        image, twice = graph(str(file))
        assert_equal(image, np.arange(np.prod(shape), dtype="f4").reshape(shape))
        assert_equal(twice, 2 * array(image))
    for dtype in ("i2", "f8", "i4"):
        rewrite(file, dtype, (3, 4))
        with pytest.raises(ValueError, match=r"image.fits\[0\].*captured with"):
            graph(str(file))
    for shape in ((12,), (2, 3, 4)):
        rewrite(file, "f4", shape)
        with pytest.raises(ValueError, match=r"image.fits\[0\].*naxis = 2"):
            graph(str(file))


def test_an_exported_graph_runs_as_eager_does(tmp_path: Path) -> None:
    """Before it is lowered nothing counts on what the file had at capture."""
    file = tmp_path / "image.fits"
    rewrite(file, "f4", (3, 4))
    graph = torch.export.export(Double(), (str(file),)).module()
    for dtype, shape in (("f4", (5, 6)), ("i2", (3, 4)), ("f8", (1, 1))):
        rewrite(file, dtype, shape)
        assert_equal(graph(str(file))[0], np.arange(np.prod(shape)).astype(dtype).reshape(shape))


@pytest.mark.usefixtures("fresh_compiler")
def test_a_graph_told_dtype_and_naxis_does_not_look_at_the_file(tmp_path: Path) -> None:
    """Captured where there is no file yet; then any dtype is converted."""
    file = tmp_path / "later.fits"

    class Read(torch.nn.Module):
        def forward(self, path: str) -> torch.Tensor:
            return torch.ops.fits.read_image(path, dtype=torch.float32, naxis=2) + 1

    graph = torch.export.export(Read(), (str(file),)).module()
    for dtype in ("f4", "i2", "f8"):
        rewrite(file, dtype, (3, 4))
        assert_equal(graph(str(file)), np.arange(1, 13, dtype="f4").reshape(3, 4))


@pytest.mark.usefixtures("fresh_compiler")
def test_read_section_in_a_graph_refuses_another_dtype(tmp_path: Path) -> None:
    file = tmp_path / "image.fits"
    rewrite(file, "i2", (5, 6))
    graph = torch.compile(lambda path: torch.ops.fits.read_section(path, 0, [1, 2], [2, 3]) + 1, fullgraph=True)
    for _ in range(2):
        assert_equal(graph(str(file)), np.arange(30, dtype="i2").reshape(5, 6)[1:3, 2:5] + np.int16(1))
        rewrite(file, "i2", (5, 6))
    rewrite(file, "f4", (5, 6))
    with pytest.raises(ValueError, match="captured with"):
        graph(str(file))


@pytest.mark.usefixtures("fresh_compiler")
@pytest.mark.parametrize(
    "read, says",
    [
        (lambda data: torch.ops.fits.read_image(data, dtype=torch.float32), "read_image.bytes.*read_images.packed"),
        (lambda data: torch.ops.fits.read_image(data, naxis=2), "read_image.bytes.*naxis= and dtype="),
        (lambda data: torch.ops.fits.read_section(data, 0, [0], [1]), "read_section.bytes.*dtype="),
    ],
)
def test_bytes_in_a_graph_need_dtype_and_naxis(read: Any, says: str) -> None:
    with pytest.raises(Exception, match=says):
        torch.compile(read, fullgraph=True)(as_tensor(GOOD))


@pytest.mark.usefixtures("fresh_compiler")
def test_bytes_in_a_graph_refuse_another_rank() -> None:
    graph = torch.compile(
        lambda data: torch.ops.fits.read_image(data, dtype=torch.float32, naxis=2) + 1, fullgraph=True, dynamic=True
    )
    assert graph(as_tensor(GOOD)).shape == (4, 6)
    with pytest.raises(ValueError, match=r"3 axes.*naxis = 2"):
        graph(as_tensor(PLAIN["-32"].file((2, 4, 6))))


def test_a_scripted_function_reads_the_file_anew(tmp_path: Path) -> None:
    """A path that is an input is no constant: nothing is kept between calls."""
    scripted = torch.jit.script(Double())
    scripted.save(str(tmp_path / "double.pt"))
    for module in (scripted, torch.jit.load(str(tmp_path / "double.pt")), torch.jit.freeze(scripted.eval())):
        for dtype, shape in (("f4", (3, 4)), ("i2", (5, 6, 7)), ("f8", (2,))):
            rewrite(tmp_path / "image.fits", dtype, shape)
            image, _ = module(str(tmp_path / "image.fits"))
            assert_equal(image, np.arange(np.prod(shape)).astype(dtype).reshape(shape))
