"""A table's bytes to classes in one graph: rows decoded, filtered and joined with arrays of varying length, by export,
AOTInductor and TorchScript, from Python and from a C++ program without Python.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from astropy.io import fits
from native_program import run
from table_files import fpack
from torch import Tensor, nn

import torchfits

ops = torch.ops.fits
ROWS = [0, 1, 2, 200]
CLASSES = 3
DYNAMIC = torch.export.Dim.DYNAMIC


def table(rows: int) -> bytes:
    """A catalogue of alerts: nulls, scaling, strings, flags, light curves of varying length."""
    random = np.random.default_rng(rows)
    magnitudes = random.uniform(14, 24, (rows, 3)).astype("f4")
    magnitudes[random.random((rows, 3)) < 0.1] = np.nan
    curves = np.empty(rows, dtype=object)
    curves[:] = [random.normal(size=k % 4).astype("f4") for k in range(rows)]
    columns = [
        fits.Column("ID", "K", array=np.arange(rows) * 2**33),
        fits.Column("MAG", "3E", array=magnitudes),
        fits.Column("BAND", "2A", array=random.choice(["g", "r", "zz"], rows)),
        fits.Column("FLAG", "I", null=-99, array=random.choice([0, 1, 2, -99], rows)),
        fits.Column("TEMP", "I", array=random.integers(0, 100, rows)),
        fits.Column("COUNT", "J", bzero=2**31, array=random.integers(0, 2**32, rows, dtype=np.uint32)),
        fits.Column("BITS", "11X", array=random.random((rows, 11)) < 0.5),
        fits.Column("CURVE", "PE()", array=curves),
    ]
    hdu = fits.BinTableHDU.from_columns(columns)
    hdu.header["TSCAL5"], hdu.header["TZERO5"] = 0.5, 20.0  # astropy would have to be given TEMP scaled
    file = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(file)
    return file.getvalue()


def data_of(rows: int) -> Tensor:
    return torch.frombuffer(bytearray(table(rows)), dtype=torch.uint8)


class Features(nn.Module):
    """Rows as bytes to numbers for a net; runs where the rows are."""

    def __init__(self, known: dict[str, Any]) -> None:
        super().__init__()
        self.tforms: list[str] = known["tforms"]
        self.columns: list[int] = known["columns"]
        self.tscal: list[float] = known["tscal"]
        self.tzero: list[float] = known["tzero"]

    def forward(self, rows: Tensor) -> Tensor:
        magnitude, band, flag, temperature, bits = torch.ops.fits.decode_columns(
            rows, self.tforms, self.columns, tscal=self.tscal, tzero=self.tzero
        )
        missing = (flag == -99).unsqueeze(1).float()
        red = (band[:, :1] == ord("r")).float()
        numbers = torch.nan_to_num(magnitude - 20.0)
        return torch.cat([numbers, red, missing, temperature.float().unsqueeze(1) / 50, bits.float()], dim=1)


class Classify(nn.Module):
    """Classes of the rows that a filter lets through, and their numbers."""

    def __init__(self, known: dict[str, Any]) -> None:
        super().__init__()
        self.features = Features(known)
        self.net = nn.Sequential(nn.Linear(18, 8), nn.ReLU(), nn.Linear(8, CLASSES))

    def forward(self, data: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features = self.features(torch.ops.fits.read_row_bytes(data, 1))
        values, offsets = torch.ops.fits.read_ragged(data, 1, "CURVE", expected="float32 1")
        sums = torch.cat([torch.zeros(1), values.cumsum(0)])
        light = (sums[offsets[1:]] - sums[offsets[:-1]]).unsqueeze(1)
        found = torch.ops.fits.filter_rows(data, 1, "MAG[1] < 22 && (FLAG == 0 || ISNULL(FLAG))")
        (names,) = torch.ops.fits.read_rows(data, 1, found, ["ID"], expected="int64 1")
        scores = self.net(torch.cat([features, light], dim=1)[found])
        return names, scores, scores.argmax(dim=1)


@pytest.fixture(scope="module")
def known() -> dict[str, Any]:
    return torchfits.column_arguments(table(3), 1, ["MAG", "BAND", "FLAG", "TEMP", "BITS"])


@pytest.fixture(scope="module")
def model(known: dict[str, Any]) -> Classify:
    torch.manual_seed(7)
    return Classify(known).eval()


@pytest.fixture(scope="module")
def program(model: Classify) -> torch.export.ExportedProgram:
    with torch.no_grad():
        return torch.export.export(model, (data_of(5),), dynamic_shapes=({0: DYNAMIC},))


@pytest.fixture(scope="module")
def package(program: torch.export.ExportedProgram, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("package") / "table.pt2"
    torch._inductor.aoti_compile_and_package(program, package_path=str(path))
    return path


@pytest.fixture(scope="module")
def script(model: Classify, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("script") / "table.pt"
    torch.jit.script(model).save(str(path))
    return path


def test_the_model_sees_what_astropy_sees(model: Classify) -> None:
    file = table(200)
    with fits.open(io.BytesIO(file)) as hdus:
        data = hdus[1].data
        magnitudes, flags = np.array(data["MAG"]), np.array(data["FLAG"])
        curves = np.array([np.sum(curve) for curve in data["CURVE"]])
        parts = [
            np.nan_to_num(magnitudes - 20),
            (data["BAND"] == "r")[:, None],
            (flags == -99)[:, None],
            data["TEMP"][:, None] / 50,
            data["BITS"],
            curves[:, None],
        ]
        identifiers = data["ID"].astype(np.int64)
    chosen = (magnitudes[:, 0] < 22) & ((flags == 0) | (flags == -99))
    features = torch.from_numpy(np.concatenate([part.astype("f4") for part in parts], axis=1))
    with torch.no_grad():
        names, scores, classes = model(data_of(200))
        expected = model.net(features)[torch.from_numpy(chosen)]
    np.testing.assert_array_equal(names.numpy(), identifiers[chosen])
    assert 0 < len(names) < 200
    torch.testing.assert_close(scores, expected, rtol=1e-4, atol=1e-4)
    assert classes.equal(scores.argmax(1))


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("form", ["program", "package", "script"])
def test_forms(form: str, rows: int, model: Classify, request: pytest.FixtureRequest) -> None:
    made = request.getfixturevalue(form)
    if form == "program":
        call = made.module()
    else:
        call = torch._inductor.aoti_load_package(str(made)) if form == "package" else torch.jit.load(str(made))
    with torch.inference_mode():
        found, expected = call(data_of(rows)), model(data_of(rows))
    assert [part.shape[0] for part in found] == [len(expected[0])] * 3
    for one, other in zip(found, expected):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("form", ["package", "script"])
def test_program_without_python(form: str, run_model: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path = request.getfixturevalue(form)
    load = torch._inductor.aoti_load_package if form == "package" else torch.jit.load
    data = data_of(200)
    written, _ = run(run_model, path, [data], tmp_path, "--threads", str(torch.get_num_threads()))
    with torch.inference_mode():
        expected = load(str(path))(data)
    assert written == b"".join(part.numpy().tobytes() for part in expected)
    with pytest.raises(RuntimeError, match=r"\[1\].*"):
        run(run_model, path, [data[:-2880]], tmp_path)


class Catalogue(nn.Module):
    """A reference table at a path that the graph keeps: columns, rows and arrays of it, by each reader."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def forward(self, limit: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        magnitude, count = torch.ops.fits.read_columns(self.path, 1, ["MAG", "COUNT"], 1)
        values, offsets = torch.ops.fits.read_ragged(self.path, 1, "CURVE", 0, -1)
        found = torch.ops.fits.filter_rows(self.path, 1, "MAG[1] < 22", 1)
        bright = (magnitude < limit) & (magnitude == magnitude)
        return bright.sum(1) + count.to(torch.int64), values * limit, offsets, found


def test_a_table_at_a_path(tmp_path: Path) -> None:
    """Its rows may change after the capture, its columns may not."""
    path = tmp_path / "catalogue.fits"
    path.write_bytes(table(50))
    model = Catalogue(str(path)).eval()
    limit = torch.tensor(20.0)
    program = torch.export.export(model, (limit,))
    package = torch._inductor.aoti_compile_and_package(program, package_path=str(tmp_path / "catalogue.pt2"))
    compiled = torch._inductor.aoti_load_package(package)
    for rows in (50, 80, 2):
        path.write_bytes(table(rows))
        for form in (compiled, program.module()):
            for one, other in zip(form(limit), model(limit), strict=True):
                torch.testing.assert_close(one, other)
    changed = fits.BinTableHDU.from_columns([fits.Column("MAG", "3D"), fits.Column("COUNT", "J")], nrows=5)
    changed.writeto(path, overwrite=True)
    with pytest.raises((ValueError, RuntimeError)):
        compiled(limit)


class ByPath(nn.Module):
    """The path as a tensor of its characters: an input like any other."""

    def __init__(self, classify: Classify) -> None:
        super().__init__()
        self.classify = classify

    def forward(self, path: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.classify(torch.ops.fits.read_file(path))


def test_a_path_as_input(model: Classify, tmp_path: Path) -> None:
    def written(rows: int) -> Tensor:
        path = tmp_path / f"table of {rows}.fits"
        path.write_bytes(table(rows))
        return torch.tensor(list(bytes(path)), dtype=torch.uint8)

    with torch.no_grad():
        program = torch.export.export(ByPath(model), (written(5),), dynamic_shapes=({0: DYNAMIC},)).module()
        for rows in ROWS:
            for one, other in zip(program(written(rows)), model(data_of(rows)), strict=True):
                torch.testing.assert_close(one, other)


def test_column_arguments(known: dict[str, Any], tmp_path: Path) -> None:
    file = table(40)
    assert known["columns"] == [1, 2, 3, 4, 6]
    assert known["tforms"][:4] == ["K", "3E", "2A", "I"]
    assert (known["tscal"][4], known["tzero"][4:6]) == (0.5, [20.0, 2.0**31])
    every = torchfits.column_arguments(file, 1)
    assert every["columns"] == [0, 1, 2, 3, 4, 5, 6]
    rows = ops.read_row_bytes(data_of(40), 1)
    for one, other in zip(ops.decode_columns(rows, **every), ops.read_columns(data_of(40), 1, []), strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    assert torchfits.column_arguments(file, 1, "band")["columns"] == [2]
    with pytest.raises(KeyError, match="NONE"):
        torchfits.column_arguments(file, 1, ["NONE"])
    with pytest.raises(ValueError, match=r"\[0\] is not a binary table"):
        torchfits.column_arguments(file, 0)


def test_column_arguments_of_a_compressed_table(tmp_path: Path) -> None:
    file = str(fpack(table(3000), tmp_path))
    known = torchfits.column_arguments(file, 1, ["MAG", "COUNT"])
    found = ops.decode_columns(ops.read_row_bytes(file, 1), **known)
    for one, other in zip(found, ops.read_columns(data_of(3000), 1, ["MAG", "COUNT"]), strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_nulls_by_decode_columns(known: dict[str, Any]) -> None:
    """TNULLn is compared with integers as they are stored."""
    data = data_of(200)
    (flag,) = ops.decode_columns(ops.read_row_bytes(data, 1), known["tforms"], [3], tscal=[], tzero=[])
    assert (flag == -99).equal(ops.read_null_mask(data, 1, ["FLAG"])[0])
