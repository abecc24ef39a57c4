"""header, headers, header_text(s), header_values, hdus, hdu_names: every form against astropy.

What cards mean is tested in test_header.py, compressed HDUs in test_compressed_header.py.
"""

from __future__ import annotations

import gzip
import io
import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from astropy.io import fits
from operator_samples import as_tensor, hdu_bytes, packed

ops = torch.ops.fits

CARDS = {
    "EXTEND": True,  # astropy would add it
    "EXPTIME": 30.5,
    "GAIN": 2,
    "FLAG": True,
    "NOFLAG": False,
    "OBJECT": "M 13",
    "TINY": 1e-300,
    "BIG": 2**62,
    "HIERARCH ESO DET CHIP1 GAIN": 1.25,
    "LONG": "a string that is longer than one card can hold, " * 3,
    "EMPTY": None,
}


def file_of(item: int = 0) -> bytes:
    """Primary image, table, image, empty image; 40 more cards, so that headers have several blocks."""
    many = {f"KEY{i}": i * 0.5 for i in range(40)}
    primary = hdu_bytes(np.arange(6 + item, dtype="i2").reshape(1, -1), **CARDS, ITEM=item, **many)
    columns = [fits.Column("A", "J", array=[1, 2]), fits.Column("B", "PE()", array=[[1.0], [2.0, 3.0]])]
    table = fits.BinTableHDU.from_columns(columns, name="EVENTS", ver=3)
    extensions = [table, fits.ImageHDU(np.zeros((2, 3, 4), "f8"), name="SCI"), fits.ImageHDU()]
    return primary + b"".join(map(written, extensions))


def written(hdu: Any) -> bytes:
    """An extension as astropy writes it."""
    out = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(out)
    return out.getvalue()[2880:]


def forms(file: bytes, folder: Path) -> Iterator[Any]:
    for name, content in (("plain.fits", file), ("zipped.fits", gzip.compress(file, 1))):
        (folder / name).write_bytes(content)
        yield str(folder / name)
        yield as_tensor(content)


def batches(files: list[bytes], folder: Path) -> Iterator[tuple[Any, ...]]:
    paths = [str(folder / f"{item}.fits") for item in range(len(files))]
    for path, content in zip(paths, files):
        Path(path).write_bytes(content)
    yield (paths,)
    yield packed(files)


def opened(file: bytes) -> fits.HDUList:
    return fits.open(io.BytesIO(file))


def cards(file: bytes, hdu: int) -> list[str]:
    """astropy's cards of 80 characters, as they are in the file."""
    with opened(file) as hdus:
        text = hdus[hdu].header.tostring(endcard=False, padding=False)
    return [text[i : i + 80] for i in range(0, len(text), 80)]


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("hdu", range(4))
def test_header_in_every_form(hdu: int, stored: bool, tmp_path: Path) -> None:
    file = file_of()
    expected = cards(file, hdu)
    for source in forms(file, tmp_path):
        assert ops.header(source, hdu, stored=stored).split("\n") == expected
        assert ops.header_text(source, hdu, stored=stored).numpy().tobytes() == "".join(expected).encode()


def test_headers_of_a_batch(tmp_path: Path) -> None:
    files = [gzip.compress(file_of(i), 1) if i % 2 else file_of(i) for i in range(5)]
    expected = [cards(file_of(i), 0) for i in range(5)]
    for source in batches(files, tmp_path):
        text, offsets = ops.header_texts(*source, 0)
        texts = [text[a:b].numpy().tobytes().decode() for a, b in itertools.pairwise(offsets)]
        assert texts == ["".join(each) for each in expected]
    assert ops.headers([str(tmp_path / f"{i}.fits") for i in range(5)]) == ["\n".join(each) for each in expected]


def test_bytes_that_no_card_may_hold() -> None:
    file = hdu_bytes(None, OBJECT="M 13").replace(b"M 13", b"M\xff\t3")
    assert "M??3" in ops.header(as_tensor(file))
    assert b"M\xff\t3" in ops.header_text(as_tensor(file)).numpy().tobytes()


KEYS = ["EXPTIME", "gain", "FLAG", "NOFLAG", "OBJECT", "TINY", "BIG", "ESO DET CHIP1 GAIN", "LONG", "EMPTY", "MISSING"]
KEYS += ["NAXIS1", "KEY39", "HISTORY", ""]


def values(file: bytes, hdu: int) -> list[float]:
    """astropy's numbers."""
    with opened(file) as hdus:
        found = [hdus[hdu].header.get(key) if key else None for key in KEYS]
    numbers = (bool, int, float)
    return [float(value) if isinstance(value, numbers) else math.nan for value in found]


@pytest.mark.parametrize("hdu", range(4))
def test_header_values_in_every_form(hdu: int, tmp_path: Path) -> None:
    file = file_of()
    expected = values(file, hdu)
    assert hdu or sum(map(math.isnan, expected)) == 6
    for source in forms(file, tmp_path):
        found = ops.header_values(source, hdu, KEYS)
        assert found.dtype == torch.float64
        np.testing.assert_array_equal(found.numpy(), expected)
        assert ops.header_values(source, hdu, []).shape == (0,)


def test_header_values_of_a_batch(tmp_path: Path) -> None:
    files = [gzip.compress(file_of(i), 1) if i % 2 else file_of(i) for i in range(5)]
    expected = [values(file_of(i), 0) for i in range(5)]
    for source in batches(files, tmp_path):
        np.testing.assert_array_equal(ops.header_values(*source, 0, KEYS).numpy(), expected)
        found, status = ops.header_values_status(*source, 0, KEYS)
        np.testing.assert_array_equal(found.numpy(), expected)
        assert (status.dtype, status.tolist()) == (torch.int32, [0] * 5)
    assert ops.header_values([], 0, KEYS).shape == (0, len(KEYS))


def test_bad_items_of_a_batch(tmp_path: Path) -> None:
    """The first bad one is named, by its number; the status twin fills it with NaN."""
    good = file_of()
    files = [good, b"", b"no FITS " * 400, good, good[:2879], hdu_bytes(None), gzip.compress(b"")]
    for source in batches(files, tmp_path):
        found, status = ops.header_values_status(*source, 1, ["EXTVER"])
        assert status.tolist() == [0, 1, 3, 0, 4, 5, 1]
        np.testing.assert_array_equal(found[:, 0].numpy(), [3, np.nan, np.nan, 3, np.nan, np.nan, np.nan])
        name = "1.fits" if len(source) == 1 else "item 1"
        for read in (lambda s=source: ops.header_values(*s, 1, ["EXTVER"]), lambda s=source: ops.header_texts(*s, 1)):
            with pytest.raises(RuntimeError, match=rf"{name}\[1\]"):
                read()
    with pytest.raises(RuntimeError, match=r"missing\.fits"):
        ops.header_values(["missing.fits"], 0, ["A"])
    assert ops.header_values_status(["missing.fits"], 0, ["A"])[1].tolist() == [2]


def test_hdus_in_every_form(tmp_path: Path) -> None:
    file = file_of()
    with opened(file) as hdus:
        expected = np.zeros((4, 16), "i8")
        for row, hdu in zip(expected, hdus):
            info, header = hdu.fileinfo(), hdu.header
            naxis = header["NAXIS"]
            row[:6] = [
                int(isinstance(hdu, fits.BinTableHDU)),
                info["hdrLoc"],
                info["datLoc"],
                0,
                header["BITPIX"],
                naxis,
            ]
            row[6 : 6 + naxis] = [header[f"NAXIS{i}"] for i in range(naxis, 0, -1)]
            if naxis:
                row[3] = abs(row[4]) // 8 * (math.prod(row[6 : 6 + naxis].tolist()) + header.get("PCOUNT", 0))
    for source in forms(file, tmp_path):
        np.testing.assert_array_equal(ops.hdus(source).numpy(), expected)


def test_hdus_of_other_kinds() -> None:
    groups = hdu_bytes(np.zeros((5, 8), "f4"))  # 5 groups of 2 parameters and 2 x 3 pixels
    axes = {"NAXIS": 3, "NAXIS1": 0, "NAXIS2": 3, "NAXIS3": 2, "GROUPS": True, "PCOUNT": 2, "GCOUNT": 5}
    header = fits.Header([("SIMPLE", True), ("BITPIX", -32), *axes.items()])
    ascii_table = fits.TableHDU.from_columns([fits.Column("A", "I4", array=[1, 2])])
    compressed = fits.CompImageHDU(np.zeros((4, 5), "i2"))
    file = header.tostring().encode() + groups[2880:] + written(ascii_table) + written(compressed)
    found = ops.hdus(as_tensor(file))
    assert found[:, 0].tolist() == [4, 2, 3]
    assert found[0, 3:9].tolist() == [160, -32, 3, 5, 2, 3]
    assert found[2, 4:8].tolist() == [16, 2, 4, 5]


def test_of_many_axes_the_table_has_the_first_ten() -> None:
    file = hdu_bytes(np.zeros((2, 3) + (1,) * 20, "u1"))
    found = ops.hdus(as_tensor(file))
    assert found.shape == (1, 16)
    assert found[0, 5:].tolist() == [22, 2, 3, *[1] * 8]


def test_hdu_names_in_every_form(tmp_path: Path) -> None:
    for source in forms(file_of(), tmp_path):
        assert ops.hdu_names(source).numpy().tobytes().decode().splitlines() == [",1", "EVENTS,3", "SCI,1", ",1"]


@pytest.mark.parametrize("read", [ops.header, ops.header_text, lambda s, hdu: ops.header_values(s, hdu, ["A"])])
def test_an_hdu_that_is_not_there(read: Any, tmp_path: Path) -> None:
    for source in forms(file_of(), tmp_path):
        with pytest.raises(IndexError, match=r"\[4\].*4 HDUs"):
            read(source, 4)
        with pytest.raises(ValueError, match="-1"):
            read(source, -1)


def graph_of_numbers(paths: list[str], data: torch.Tensor) -> torch.Tensor:
    """Numbers from headers inside arithmetic: what header_values is for."""
    exposure = torch.ops.fits.header_values(data, 0, ["EXPTIME", "GAIN"]).prod()
    table = torch.ops.fits.hdus(data)
    return torch.ops.fits.header_values(paths, 0, ["ITEM"]).sum() + exposure + table[:, 5].sum() + table[0, 6:].sum()


@pytest.mark.parametrize("form", ["script", "compile", "export"])
def test_numbers_in_a_graph(form: str, tmp_path: Path) -> None:
    """An image of more axes than the table of HDUs has columns must not be misread either."""
    paths = [str(tmp_path / f"{item}.fits") for item in range(3)]

    class Module(torch.nn.Module):
        def forward(self, data: torch.Tensor) -> torch.Tensor:
            return graph_of_numbers(paths, data)

    def write(first: int) -> torch.Tensor:
        for item, path in enumerate(paths):
            Path(path).write_bytes(file_of(first + item))
        return as_tensor(file_of(first))

    data = write(0)
    if form == "script":
        scripted = torch.jit.script(graph_of_numbers)
        run = lambda data: scripted(paths, data)  # noqa: E731
    elif form == "compile":
        torch.compiler.reset()
        with torch.compiler.config.patch(force_disable_caches=True):
            run = torch.compile(Module(), fullgraph=True, dynamic=True)
            run(data)
    else:
        run = torch.export.export(Module(), (data,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},)).module()
    for first in (0, 7):
        data = write(first)
        assert run(data) == graph_of_numbers(paths, data)
    data = as_tensor(hdu_bytes(np.zeros((1,) * 20 + (2, 3), "u1"), EXPTIME=2.0, GAIN=3))
    assert run(data) == graph_of_numbers(paths, data)
