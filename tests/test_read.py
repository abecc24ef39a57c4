"""torchfits.read and torchfits.info: HDUs, sections, dtypes and devices, against astropy."""

import doctest
import io
import threading
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import basic_indices
from image_samples import COMPRESSED, IMAGES, assert_same, astropy_data, gzipped, write_image, write_mef

import torchfits
import torchfits.fits
import torchfits.hdu
import torchfits.reading
import torchfits.section
import torchfits.source
import torchfits.summary


@pytest.fixture
def mef(tmp_path: Path) -> Path:
    return write_mef(tmp_path / "mef.fits")


IMAGE_HDUS = {0: None, 1: "SCI", 2: ("SCI", 2), 4: "2MASS J-1.5+3", 5: "DQ"}


def test_hdus_by_number_name_and_version(mef: Path) -> None:
    for index, key in IMAGE_HDUS.items():
        if index == 0:
            continue
        expected = astropy_data(mef, index)
        assert_same(torchfits.read(mef, index), expected)
        assert_same(torchfits.read(mef, index - 6), expected)
        assert_same(torchfits.read(mef, np.int64(index)), expected)
        assert_same(torchfits.read(mef, key), expected)
        assert_same(torchfits.read(gzipped(mef), index), expected)
    for key in ("sci", " Sci ", ("sci", 1), ("SCI", 1)):
        assert_same(torchfits.read(mef, key), astropy_data(mef, 1))


def test_without_hdu_it_is_the_first_with_data(tmp_path: Path) -> None:
    image = np.arange(6, dtype="i4").reshape(2, 3)
    nothing = fits.ImageHDU(np.zeros((0, 5), dtype="i2"))
    for number, hdus in enumerate(
        [
            [fits.PrimaryHDU(image), fits.ImageHDU(image + 1)],
            [fits.PrimaryHDU(), fits.ImageHDU(image)],
            [fits.PrimaryHDU(), fits.ImageHDU(), nothing, fits.ImageHDU(image), fits.ImageHDU(image + 1)],
            [fits.PrimaryHDU(np.zeros((0, 5), dtype="i2")), fits.ImageHDU(image)],
            [fits.PrimaryHDU(), fits.CompImageHDU(image)],
        ]
    ):
        path = tmp_path / f"{number}.fits"
        fits.HDUList(hdus).writeto(path)
        assert_same(torchfits.read(path), image)
        assert_same(torchfits.read(path, section=(0,)), image[0])
        assert_same(torchfits.read(gzipped(path)), image)
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU()]).writeto(tmp_path / "none.fits")
    with pytest.raises(RuntimeError, match=r"none\.fits: none of the 2 HDUs holds data"):
        torchfits.read(tmp_path / "none.fits")


@pytest.mark.parametrize("kind", [*IMAGES, *COMPRESSED])
@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int16, torch.int64]
)
def test_dtype(kind: str, dtype: torch.dtype, tmp_path: Path) -> None:
    path = write_image(tmp_path, kind)
    hdu = 0 if kind in IMAGES else 1
    image = torchfits.read(path, dtype=dtype)
    assert image.dtype == dtype
    whole = (...,)
    torch.testing.assert_close(torchfits.read(path, section=whole, dtype=dtype), image, rtol=0, atol=0, equal_nan=True)
    # Only where astropy gives integers for BLANK does a floating dtype say more: NaN.
    if dtype == torch.float64 and kind != "convention u2 with BLANK":
        assert_same(image, astropy_data(path, hdu).astype(np.float64))


def test_device(mef: Path) -> None:
    devices = ["meta", "cpu"] + ["cuda"] * torch.cuda.is_available()
    for device in devices:
        for image in (
            torchfits.read(mef, 1, device=device),
            torchfits.read(mef, "SCI", device=torch.device(device)),
            torchfits.read(mef, device=device),
            torchfits.read(mef, section=(1,), device=device),
        ):
            assert image.device.type == device
            if device != "meta":
                assert_same(image.cpu(), astropy_data(mef, 1)[1] if image.ndim == 1 else astropy_data(mef, 1))


def test_header_comes_along(mef: Path) -> None:
    for key in (1, "SCI", ("sci", 2), 5, -1):
        image, header = torchfits.read(mef, key, header=True)
        assert_same(image, astropy_data(mef, key))
        assert isinstance(header, torchfits.Header)
        expected = fits.getheader(mef, key)
        assert [header[k] for k in ("BITPIX", "NAXIS1", "EXTNAME")] == [
            expected[k] for k in ("BITPIX", "NAXIS1", "EXTNAME")
        ]
    _, header = torchfits.read(mef.read_bytes(), section=(0, 0), header=True)
    assert header["NAXIS1"] == 8  # of the whole image


def test_the_tensor_is_the_callers(mef: Path) -> None:
    for section in (None, (slice(2, 4),), (0,), (slice(None, None, -1),)):
        for source in (mef, mef.read_bytes()):
            torchfits.read(source, 1, section=section).zero_()
            assert_same(torchfits.read(source, 1), astropy_data(mef, 1))


# --- Sections --------------------------------------------------------------------------------------------------------

SECTIONED = [
    "i2",
    "convention i1",
    "convention u2",
    "convention u4",
    "convention u8",
    "scaled i2",
    "f8",
    "1-D",
    "3-D",
    "4-D",
]


@pytest.fixture(scope="module")
def sectioned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    kinds = [*SECTIONED, "random groups", "RICE_1 i2", "GZIP_2 f4"]
    return {kind: write_image(tmp_path_factory.mktemp("sections"), kind) for kind in kinds}


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_sections_index_as_numpy(sectioned: dict[str, Path], data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(sectioned)))
    path, number = sectioned[kind], 1 if kind in COMPRESSED else 0
    whole = astropy_data(path, number)
    section = data.draw(basic_indices(whole.shape))
    expected = np.ascontiguousarray(whole[section]).reshape(whole[section].shape)
    image = torchfits.read(path, section=section)
    assert_same(image, expected)
    assert image.is_contiguous()
    assert image.untyped_storage().nbytes() <= max(expected.nbytes, 1)  # the pixels between are not kept
    with torchfits.open(path) as opened:
        assert_same(opened[number].section[section], expected)
        assert_same(opened[number].read(section, scaled=True), expected)
    if kind not in COMPRESSED:
        assert_same(torchfits.read(path.read_bytes(), section=section), expected)
    if kind != "random groups" and whole[section].size > 0:
        with fits.open(path) as reference:  # which has a section of its own, without empty ones
            own = np.asarray(reference[number].section[section])
            np.testing.assert_array_equal(image.numpy(), own)


def test_sections_as_strings(mef: Path) -> None:
    whole = astropy_data(mef, 1)  # NAXIS1 = 8, NAXIS2 = 6
    for text, expected in {
        "2:5,1:3": whole[0:3, 1:5],
        "[2:5,1:3]": whole[0:3, 1:5],
        " [ 2 : 5 , 1 : 3 ] ": whole[0:3, 1:5],
        "*,*": whole,
        "*": whole,
        "-*,*": whole[:, ::-1],
        "*,-*:2": whole[::-2],
        ":2,:3": whole[::3, ::2],
        "8:1:3,2:2": whole[1:2, 7::-3],
        "1:8:9,6:1": whole[::-1, 0:1],
        "5:1:2,1:1": whole[0:1, 4::-2],
    }.items():
        assert_same(torchfits.read(mef, 1, section=text), np.ascontiguousarray(expected))
        assert_same(torchfits.open(mef)[1].section[text], np.ascontiguousarray(expected))


@pytest.mark.parametrize(
    "section, error, message",
    [
        ((6,), IndexError, "index 6 is out of the 6 pixels of axis 0"),
        ((0, -9), IndexError, "index -9 is out of the 8 pixels of axis 1"),
        ((0, 0, 0), IndexError, "3 indices is asked of an image of 2 axes"),
        ((..., 0, ...), IndexError, "one ellipsis"),
        ((slice(None, None, 0),), ValueError, "zero"),
        ((None,), TypeError, "integers, slices and"),
        (([0, 1],), TypeError, "integers, slices and"),
        ((True,), TypeError, "integers, slices and"),
        (torch.tensor([0, 1]), TypeError, "integers, slices and"),
        ((1.5,), TypeError, "integers, slices and"),
        ((slice(0.5, None),), TypeError, "indices must be integers"),
    ],
)
def test_sections_that_numpy_or_fits_has_not(section: object, error: type, message: str, mef: Path) -> None:
    with pytest.raises(error, match=message):
        torchfits.read(mef, 1, section=section)


def test_only_the_rows_that_are_needed_are_read(tmp_path: Path) -> None:
    path = tmp_path / "cut.fits"
    fits.PrimaryHDU(np.arange(100 * 720, dtype="i4").reshape(100, 720)).writeto(path)
    whole = astropy_data(path)
    data = path.read_bytes()[: 2880 * 51]  # the data unit is cut off after 50 rows
    assert_same(torchfits.read(data, section=(slice(10, 50), slice(5, 9))), np.ascontiguousarray(whole[10:50, 5:9]))
    with pytest.raises(RuntimeError, match="cut off"):
        torchfits.read(data, section=(50,))
    with pytest.raises(RuntimeError, match="cut off"):
        torchfits.read(data)


# --- What cannot be read ---------------------------------------------------------------------------------------------


def test_what_is_of_images_alone(mef: Path) -> None:
    for argument, message in [
        ({"section": (0,)}, "sections are of images"),
        ({"section": "1:2,*"}, "sections are of images"),
        ({"dtype": torch.float32}, "dtype= is for images"),
    ]:
        with pytest.raises(ValueError, match=rf"\[3\] is a table: {message}"):
            torchfits.read(mef, "CATALOG", **argument)
    with pytest.raises(ValueError, match="scaled=False is for images"):
        torchfits.open(mef)[3].read(scaled=False)
    with pytest.raises(ValueError, match=r"\[1\] is no table, and batches"):
        torchfits.open(mef)[1].batches(5)


def test_a_table_is_the_first_hdu_with_data(tmp_path: Path) -> None:
    ascii_table = fits.TableHDU.from_columns([fits.Column("A", "I4", array=np.arange(3))])
    fits.HDUList([fits.PrimaryHDU(), ascii_table, fits.ImageHDU(np.arange(3))]).writeto(tmp_path / "table.fits")
    table = torchfits.read(tmp_path / "table.fits")
    assert isinstance(table, torchfits.Table)
    assert table["A"].tolist() == [0, 1, 2]
    assert torchfits.read(tmp_path / "table.fits", 2).tolist() == [0, 1, 2]


@pytest.mark.parametrize("argument", [{"columns": ["RA"]}, {"rows": slice(2)}, {"where": "X > 1"}])
@pytest.mark.parametrize("hdu", [None, 1, "SCI"])
def test_arguments_of_tables_on_images(argument: dict, hdu: int | str | None, mef: Path) -> None:
    with pytest.raises(ValueError, match=r"\[1\] is no table: columns=, rows= and where= are for tables"):
        torchfits.read(mef, hdu, **argument)


def test_hdus_that_are_not_there(mef: Path) -> None:
    for number in (6, -7, 1000):
        with pytest.raises(IndexError, match=f"there is no HDU {number}: the file has 6 HDUs"):
            torchfits.read(mef, number)
    for key, asked in {"ERR": "ERR", "SC": "SC", ("SCI", 3): "SCI,3", ("ERR", 1): "ERR,1", "P": "P"}.items():
        with pytest.raises(KeyError, match=rf"there is no HDU {asked}; there are PRIMARY,1, SCI,1, sci,2, CATALOG,1"):
            torchfits.read(mef, key)
    for key in (1.5, ["SCI"], b"SCI", ("SCI",), (1, 2), ("SCI", "2"), ("SCI", 1, 1)):
        with pytest.raises(TypeError, match="by its number, its name or"):
            torchfits.read(mef, key)
    with pytest.raises(RuntimeError, match=r"mef\.fits\[0\] has no data \(NAXIS = 0\)"):
        torchfits.read(mef, 0)
    with pytest.raises(RuntimeError, match=r"mef\.fits\[0\] has no data \(NAXIS = 0\)"):
        torchfits.read(mef, "PRIMARY", section=(0,))


def test_compressed_images_in_memory(mef: Path) -> None:
    assert_same(torchfits.read(mef.read_bytes(), "DQ"), astropy_data(mef, "DQ"))


def test_threads(mef: Path) -> None:
    expected = astropy_data(mef, 4)
    data, failures = mef.read_bytes(), []

    def read() -> None:
        try:
            for _ in range(20):
                assert_same(torchfits.read(mef, -2), expected)
                assert_same(torchfits.read(io.BytesIO(data), "2mass j-1.5+3"), expected)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


# --- Examples --------------------------------------------------------------------------------------------------------

MODULES = (*(torchfits.fits, torchfits.hdu, torchfits.reading, torchfits.section, torchfits.source, torchfits.summary),)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_examples_in_docstrings(module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    fits.PrimaryHDU(np.zeros((80, 100), dtype="i2")).writeto("m31.fits")
    sci = [fits.ImageHDU(np.zeros((40, 30), dtype="f4"), name="SCI", ver=version) for version in (1, 2)]
    for header in (hdu.header for hdu in sci):
        header["EXPTIME"] = 30.0
        header["CTYPE1"], header["CRVAL1"], header["CRPIX1"], header["CDELT1"] = "RA---TAN", 10.0, 15.5, -1e-4
        header["CTYPE2"], header["CRVAL2"], header["CRPIX2"], header["CDELT2"] = "DEC--TAN", 41.0, 20.5, 1e-4
    columns = [fits.Column("RA", "D", array=np.arange(5.0)), fits.Column("DEC", "D", array=np.arange(5.0))]
    fits.HDUList([fits.PrimaryHDU(), *sci, fits.BinTableHDU.from_columns(columns, name="CATALOG")]).writeto("mef.fits")
    names = {**vars(module), "torchfits": torchfits, "Path": Path, "open": open}
    result = doctest.testmod(module, extraglobs=names, optionflags=doctest.ELLIPSIS)
    assert result.failed == 0
    assert result.attempted > 0
