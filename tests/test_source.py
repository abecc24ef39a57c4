"""Sources: every form gives the same image, extended file names mean what CFITSIO means, errors say what to do."""

import gc
import io
import mmap
import os
import re
import warnings
from pathlib import Path

import fitsio
import numpy as np
import pytest
import torch
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from image_samples import COMPRESSED, IMAGES, assert_same, astropy_data, gzipped, write_image, write_mef

import torchfits
from torchfits.source import Source, bytes_tensor


@pytest.fixture
def mef(tmp_path: Path) -> Path:
    return write_mef(tmp_path / "mef.fits")


@pytest.fixture(scope="module")
def shared_mef(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mef(tmp_path_factory.mktemp("mef") / "mef.fits")


class OnlyRead:
    """A file object that has nothing but read, as those of sockets and archives may."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self) -> bytes:
        return self.data


FORMS = {
    "str": str,
    "Path": lambda path: path,
    "bytes": lambda path: path.read_bytes(),
    "bytearray": lambda path: bytearray(path.read_bytes()),
    "memoryview": lambda path: memoryview(path.read_bytes()),
    "every second byte": lambda path: memoryview(bytes(b for byte in path.read_bytes() for b in (byte, 0)))[::2],
    "tensor": lambda path: torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.uint8),
    "array": lambda path: np.fromfile(path, dtype=np.uint8),
    "BytesIO": lambda path: io.BytesIO(path.read_bytes()),
    "read alone": lambda path: OnlyRead(path.read_bytes()),
    "gzipped path": lambda path: gzipped(path),
    "gzipped bytes": lambda path: gzipped(path).read_bytes(),
    "extended name": lambda path: f"{path}[{0 if len(fits.info(path, output=False)) == 1 else 1}]",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", IMAGES)
def test_every_form_of_every_image(kind: str, form: str, tmp_path: Path) -> None:
    path = write_image(tmp_path, kind)
    assert_same(torchfits.read(FORMS[form](path)), astropy_data(path))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", COMPRESSED)
def test_every_form_of_compressed_images(kind: str, form: str, tmp_path: Path) -> None:
    path = write_image(tmp_path, kind)
    assert_same(torchfits.read(FORMS[form](path)), astropy_data(path, 1))


def test_file_objects(mef: Path) -> None:
    with mef.open("rb") as file:
        assert_same(torchfits.read(file, "SCI"), astropy_data(mef, "SCI"))
    with mef.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapping:
        source = Source.of(mapping)
        assert source.data is not None
        assert source.data.numel() == mef.stat().st_size
        assert_same(torchfits.read(source.data, "SCI"), astropy_data(mef, "SCI"))
        del source


def test_bytes_are_shared_and_kept() -> None:
    hdu = fits.PrimaryHDU(np.arange(30, dtype="i2"))
    buffer = io.BytesIO()
    hdu.writeto(buffer)
    opened = torchfits.open(buffer.getvalue())  # nothing else holds the bytes
    del buffer
    gc.collect()
    noise = [os.urandom(5760) for _ in range(50)]
    assert opened[0].data.tolist() == list(range(30))
    del noise

    data = bytearray(100)
    tensor = bytes_tensor(memoryview(data))
    data[7] = 42
    assert tensor[7] == 42
    with pytest.raises(BufferError):
        data.append(1)  # would move the memory under the tensor
    del tensor
    data.append(1)


def test_no_warning_reaches_the_user(mef: Path) -> None:
    data = mef.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torchfits.read(data, 1)
        torchfits.read(memoryview(data), 1)
        torchfits.read(io.BytesIO(data), 1)
        torchfits.open(data)[1].section[1:3]


def test_paths_of_every_spelling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = fits.PrimaryHDU(np.arange(6, dtype="i4"))
    for name in ("M 31.fits", "Zürich Ω.fits", "a(1).fits", "no_ending", "a.fits+1", os.fsdecode(b"latin-1 \xfc.fits")):
        path = tmp_path / name
        with open(path, "wb") as file:
            data.writeto(file)
        assert torchfits.read(path).tolist() == list(range(6)), name
        assert torchfits.open(str(path))[0].shape == (6,)
        assert torchfits.read(f"{path}[0][2:3]").tolist() == [1, 2]
    monkeypatch.chdir(tmp_path)
    assert torchfits.read("M 31.fits").tolist() == list(range(6))
    with pytest.raises(FileNotFoundError):
        torchfits.read(os.fsdecode(b"not there \xfc.fits"))


# --- Extended file names ---------------------------------------------------------------------------------------------

HDUS = {
    "[1]": 1,
    "[ 2 ]": 2,
    "[SCI]": 1,
    "[sci]": 1,
    "[SCI,1]": 1,
    "[SCI,2]": 2,
    "[sci, 2]": 2,
    "[4]": 4,
    "[2MASS J-1.5+3]": 4,
    "[2mass j-1.5+3,1]": 4,
    "[5]": 5,
    "[DQ]": 5,
    "+1": 1,
    "+5": 5,
}


@st.composite
def section_of(draw: st.DrawFn, naxes: tuple[int, ...], reversed_steps: bool) -> str:
    """A section in CFITSIO's syntax; its last axes may be left out."""
    ranges = []
    for size in naxes[: draw(st.integers(1, len(naxes)))]:
        pixel = st.integers(1, size)
        step = draw(st.one_of(st.just(""), st.integers(1, size + 1).map(":{}".format)))
        whole = ["*", "" if step else "*"]
        ends = draw(st.tuples(pixel, pixel))
        if step and not reversed_steps:
            ends = min(ends), max(ends)
        else:
            whole.append("-*")
        ranges.append(draw(st.sampled_from([*whole, f"{ends[0]}:{ends[1]}"])) + step)
    return f"[{draw(st.sampled_from([',', ', '])).join(ranges)}]"


@settings(deadline=None)
@given(data=st.data(), spelled=st.sampled_from(sorted(HDUS)))
def test_extended_names_mean_what_cfitsio_means(shared_mef: Path, spelled: str, data: st.DataObject) -> None:
    index = HDUS[spelled]
    shape = torchfits.open(shared_mef)[index].shape
    # CFITSIO takes other pixels of a compressed image where it steps backwards: those of the forward range, reversed.
    name = f"{shared_mef}{spelled}{data.draw(section_of(shape[::-1], reversed_steps=index != 5))}"
    with fitsio.FITS(name) as cfitsio:
        expected = cfitsio[index].read()
    assert_same(torchfits.read(name), expected.astype(expected.dtype.newbyteorder("=")))


def test_hdus_of_extended_names(shared_mef: Path) -> None:
    for spelled, index in HDUS.items():
        assert_same(torchfits.read(f"{shared_mef}{spelled}"), astropy_data(shared_mef, index))
    # Without an HDU the section is of the first one with data.
    assert_same(torchfits.read(f"{shared_mef}[2:3,*]"), astropy_data(shared_mef, 1)[:, 1:3])


def test_primary_hdu_by_its_letter(tmp_path: Path) -> None:
    path = tmp_path / "two.fits"
    fits.HDUList([fits.PrimaryHDU(np.arange(3)), fits.ImageHDU(np.arange(4), name="P")]).writeto(path)
    for spelled in ("[0]", "[P]", "[p]", "[PRIMARY]", "[primary]"):
        assert torchfits.read(f"{path}{spelled}").tolist() == [0, 1, 2]
        with fitsio.FITS(f"{path}{spelled}[2:3]") as cfitsio:
            assert cfitsio[0].read().tolist() == torchfits.read(f"{path}{spelled}[2:3]").tolist() == [1, 2]
    assert torchfits.read(path, "P").tolist() == [0, 1, 2, 3]


def test_a_file_whose_name_has_brackets_is_that_file(tmp_path: Path) -> None:
    names = ("a.fits", "a.fits[1]", "a.fits[1][1:2]", "b[2].fits", "a.fits+1", "c+2.fits")
    for number, name in enumerate(names):
        with open(tmp_path / name, "wb") as file:
            fits.PrimaryHDU(np.arange(3) + 10 * number).writeto(file)
    for number, name in enumerate(names):
        assert torchfits.read(tmp_path / name).tolist() == [10 * number, 10 * number + 1, 10 * number + 2]
    assert torchfits.read(f"{tmp_path}/a.fits[1][2:3]").tolist() == [11, 12]  # the longest name that is a file
    assert torchfits.read(f"{tmp_path}/b[2].fits[0][-*]").tolist() == [32, 31, 30]
    assert torchfits.read(f"{tmp_path}/a.fits+1[2:3]").tolist() == [41, 42]
    assert torchfits.read(f"{tmp_path}/a.fits+1+0[2:3]").tolist() == [41, 42]
    assert torchfits.read(f"{tmp_path}/c+2.fits+0").tolist() == [50, 51, 52]


UNSUPPORTED = [
    "[col RA;DEC]",
    "[SCI][MAG < 20]",
    "[MAG<20]",
    "[x==1]",
    "[bin X,Y]",
    "[bini (X,Y)=4]",
    "[pix X*2]",
    "[compress Rice]",
    "[compress]",
    "[regfilter('a.reg')]",
    "[@filter.txt]",
    "[SCI,2,i]",
    "[SCI:2]",
    "[SCI;DATA(3)]",
    "[]",
    "[1][]",
    "[1][2]",
    "[1][SCI]",
    "[1:2,*][1]",
    "[1][1:2,*][1:1,*]",
    "['SCI']",
    "[S*]",
    "[1](out.fits)",
    "(out.fits)",
    "(out.fits)[1]",
    "[1][1:2",
    "[1",
]


@pytest.mark.parametrize("suffix", UNSUPPORTED)
def test_other_expressions_are_refused(suffix: str, mef: Path) -> None:
    before = sorted(mef.parent.iterdir())
    with pytest.raises(ValueError, match="not supported"):
        torchfits.read(f"{mef}{suffix}")
    assert sorted(mef.parent.iterdir()) == before


@pytest.mark.parametrize(
    "section, problem",
    [
        ("[2,*]", "one pixel is 5:5"),
        ("[*,2]", "one pixel is 5:5"),
        ("[1:2:0,*]", "not a range"),
        ("[1:2:-1,*]", "not a range"),
        ("[-1:2,*]", "not a range"),
        ("[1:2,,]", "not a range"),
        ("[1:2;*]", "not a range"),
        ("[*,*:]", "not a range"),
        ("[1:,*]", "not a range"),
        ("[1.5:2,*]", "not a range"),
    ],
)
def test_sections_that_are_none(section: str, problem: str, mef: Path) -> None:
    with pytest.raises(ValueError, match=r"not supported|not a range"):  # not an HDU either, where it could be one
        torchfits.read(f"{mef}[1]{section}")
    with pytest.raises(ValueError, match=problem):
        torchfits.read(mef, 1, section=section)


@pytest.mark.parametrize(
    "section, message",
    [
        ("[1:9,*]", "NAXIS1 = 8"),
        ("[*,7:6]", "NAXIS2 = 6"),
        ("[0:1,*]", "NAXIS1 = 8"),
        ("[*,*,*]", "3 ranges, the image 2 axes"),
        ("[99999999999999999999:1,*]", "NAXIS1 = 8"),
    ],
)
def test_sections_out_of_the_image(section: str, message: str, mef: Path) -> None:
    with pytest.raises(IndexError, match=message):
        torchfits.read(f"{mef}[1]{section}")


# --- What is wrong, in Python's words --------------------------------------------------------------------------------


def test_paths_that_cannot_be_read(tmp_path: Path, mef: Path) -> None:
    for function in (torchfits.read, torchfits.open, torchfits.info):
        for name in ("missing.fits", "missing.fits[1]", "missing.fits[1:2,*]", "missing[a.fits", "missing(1).fits"):
            with pytest.raises(FileNotFoundError, match="missing") as caught:
                function(tmp_path / name)
            assert str(caught.value.filename).startswith(str(tmp_path / "missing"))
        with pytest.raises(IsADirectoryError, match=re.escape(str(tmp_path))):
            function(tmp_path)
        with pytest.raises(NotADirectoryError):
            function(mef / "inside.fits")
        with pytest.raises(FileNotFoundError):
            function("")
    with pytest.raises(FileNotFoundError):
        torchfits.read(tmp_path / "missing.fits.gz", "SCI")


def test_urls_say_what_to_do() -> None:
    for url in ("https://example.org/m31.fits", "s3://bucket/m31.fits[1]", "ftp://example.org/a.fits[SCI][1:2,*]"):
        for function in (torchfits.read, torchfits.open, torchfits.info):
            with pytest.raises(NotImplementedError, match="download the file, or pass a file object"):
                function(url)


def test_things_that_are_no_source(tmp_path: Path) -> None:
    for thing in (None, 3, 3.5, [b"SIMPLE"], {"a": 1}):
        with pytest.raises(TypeError, match="a FITS source is a path, bytes, a 1-D uint8 tensor or a binary file"):
            torchfits.read(thing)
    with pytest.raises(TypeError, match="open it in binary mode"):
        torchfits.read(io.StringIO("SIMPLE"))
    with pytest.raises(TypeError, match="one dimension of bytes"):
        torchfits.read(np.zeros(3, dtype=np.float32))
    with pytest.raises(TypeError, match="one dimension of bytes"):
        torchfits.read(np.zeros((3, 3), dtype=np.uint8))
    for tensor in (torch.zeros(3), torch.zeros(3, 3, dtype=torch.uint8)):
        with pytest.raises(ValueError, match="uint8"):
            torchfits.open(tensor)
        with pytest.raises(ValueError, match="uint8"):
            torchfits.read(tensor)


def test_what_is_not_fits(tmp_path: Path) -> None:
    (tmp_path / "text.fits").write_text("this is no FITS file\n" * 500)
    (tmp_path / "empty.fits").write_bytes(b"")
    for source in (tmp_path / "text.fits", tmp_path / "empty.fits", b"", b"\x1f\x8b", b"SIMPLE  =", bytes(5760)):
        for function in (torchfits.read, torchfits.open, torchfits.info):
            with pytest.raises(RuntimeError):
                function(source)


def test_hdu_or_section_given_twice(mef: Path) -> None:
    with pytest.raises(ValueError, match="given twice"):
        torchfits.read(f"{mef}[1]", hdu=1)
    with pytest.raises(ValueError, match="given twice"):
        torchfits.read(f"{mef}[1][1:2,*]", section="1:2,*")
    assert_same(torchfits.read(f"{mef}[1]", section="1:2,*"), astropy_data(mef, 1)[:, :2])
    assert_same(torchfits.read(f"{mef}[1:2,*]", hdu=1), astropy_data(mef, 1)[:, :2])
    for function in (torchfits.open, torchfits.info):
        with pytest.raises(ValueError, match="a whole file is opened"):
            function(f"{mef}[1]")
