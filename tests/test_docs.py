"""The documentation is true: its examples run, its links lead somewhere, what is generated is up to date."""

from __future__ import annotations

import gzip
import importlib.util
import json
import re
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib
import pytest
import torch
from astropy.io import fits

import torchfits

matplotlib.use("Agg")  # examples may draw

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
MADE = ("bench/results",)  # by what the page speaks of; need not be there
FOLDERS = ("ci", "csrc", "cuda", "torchfits", "tests", "bench", "docs", "notebooks")


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def build() -> ModuleType:
    """docs/build.py."""
    spec = importlib.util.spec_from_file_location("docs_build", ROOT / "docs/build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def prose(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Headings as GitHub names them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


# --- examples ------------------------------------------------------------------------------------------------------


def run_examples(page: Path, m13: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The Python blocks of a page, in order, in one namespace and a folder with the files that they name."""
    shutil.copy(m13, folder / "m13.fits")
    fits.CompImageHDU(fits.getdata(m13), compression_type="RICE_1").writeto(folder / "m13.fits.fz")
    (folder / "m31.fits.gz").write_bytes(gzip.compress(m13.read_bytes()))
    stars = {"RA": [250.42, 250.41, 250.43], "DEC": [36.46, 36.45, 36.47], "MAG": [12.0, 15.5, 19.0]}
    columns = [fits.Column(name, "D", array=values) for name, values in stars.items()]
    fits.BinTableHDU.from_columns(columns).writeto(folder / "catalogue.fits")
    monkeypatch.chdir(folder)
    namespace: dict[str, Any] = {"__name__": "example"}
    for block in blocks(page, "python"):
        line = page.read_text().partition(block)[0].count("\n")
        exec(compile("\n" * line + block, str(page), "exec"), namespace)
    return namespace


OTHERS = [page for page in PAGES if page.name != "README.md" and blocks(page, "python")]


@pytest.mark.parametrize("page", OTHERS, ids=named)
def test_examples_run(page: Path, m13: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_examples(page, m13, tmp_path, monkeypatch)


def test_readme_says_what_its_examples_give(m13: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = run_examples(ROOT / "README.md", m13, tmp_path, monkeypatch)
    image = torch.from_numpy(fits.getdata(m13).astype("float32"))
    assert torch.equal(found["image"].float(), image)
    assert found["header"]["CRVAL1"] == fits.getval(m13, "CRVAL1")
    assert torch.equal(found["corner"], image[:50, :100])
    assert found["many"].shape == (2, 1, 320, 320)
    assert torch.equal(found["many"][1, 0, :300, :300], image)
    assert torch.equal(found["images"], image[None, None])
    assert found["inputs"].shape == (1, 1, 300, 300)
    close = {"rtol": 0, "atol": 1e-9}
    torch.testing.assert_close(found["stars"], torch.tensor([[149.5, 149.5], [0, 0]], dtype=torch.float64), **close)
    torch.testing.assert_close(found["stamp_wcs"].crpix, torch.tensor([70.5, 50.5], dtype=torch.float64), **close)
    assert found["stamp_wcs"].array_shape == found["stamp"].shape


def test_quickstart_is_short() -> None:
    assert len(blocks(ROOT / "README.md", "python")[0].strip().splitlines()) <= 10


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) < 300


# --- links and paths -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        there = (page.parent / file).resolve() if file else page
        assert there.exists(), f"{named(page)} links to {target}, which does not exist"
        assert not anchor or anchor in anchors(there), f"{named(page)} links to {target}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_paths_in_text_exist(page: Path) -> None:
    """`csrc/ops/schema.cpp` between backticks, and scripts in shell blocks; <...> stands for any name."""
    words = re.findall(r"`([^`\n]+)`", prose(page)) + blocks(page, "bash")
    paths = {path for word in words for path in re.findall(rf"(?<![\w/.])(?:{'|'.join(FOLDERS)})/[\w/.<>*-]*", word)}
    for path in sorted(paths):
        pattern = re.sub(r"<\w+>", "*", path).rstrip("/.")
        assert pattern in MADE or any(ROOT.glob(pattern)), f"{named(page)} speaks of {path}, which does not exist"


# --- what is generated ---------------------------------------------------------------------------------------------


def test_every_operator_is_documented(build: ModuleType) -> None:
    assert set(build.schemas()) == set(torchfits.ops.DOCS)
    for name, text in torchfits.ops.DOCS.items():
        first = text.strip().partition("\n")[0]
        assert first.endswith((".", ":")), f"{name}: the first line must be a sentence, it is {first!r}"
        assert text.count("``") % 2 == 0, name


def test_operators_page_is_up_to_date(build: ModuleType) -> None:
    assert build.OPERATORS.read_text() == build.operators_page(), "run `python docs/build.py`"


def test_readme_is_up_to_date(build: ModuleType) -> None:
    assert build.README.read_text() == build.readme_page(), "run `python docs/build.py`"


def test_schemas_are_written_as_in_the_source(build: ModuleType) -> None:
    """Every line of schema.cpp is found in the page, but for the page's line breaks and the namespace."""
    source = (ROOT / "csrc/ops/schema.cpp").read_text()
    literal = r'"((?:[^"\\]|\\.)*)"'
    written = [
        "".join(re.findall(literal, call)).replace('\\"', '"')
        for call in re.findall(r"m\.def\((.*?)\);", source, re.DOTALL)
    ]
    page = re.sub(r"\s+", " ", build.operators_page())
    assert len(written) == len(build.schemas())
    for schema in written:
        assert f"fits::{schema}" in page


def row(competitor: str, kind: str, milliseconds: float, **more: object) -> dict[str, object]:
    machine = {"cpu": "some CPU", "cores": 2, "simd": "AVX2"}
    versions = {"python": "3.11", "torch": "2.13.0", "other 1.2 (PyPI)": "1.2"}
    common = {"benchmark": "images", "case": "float32", "threads": 1, "cache": "warm", "check": "right"}
    measured = {"competitor": competitor, "kind": kind, "wall_time_ms": milliseconds, "ratio": milliseconds / 2.0}
    return {**common, **measured, "machine": machine, "versions": versions, **more}


def test_speed_table(build: ModuleType, tmp_path: Path) -> None:
    assert "No results" in build.table(build.measured_cases(tmp_path))
    rows = [
        row("torchfits", "ours", 2.0),
        row("astropy", "rival", 9.0),
        row("fitsio", "rival", 3.0, check="wrong: 7 of 9 values"),
        row("memcpy", "limit", 1.0),
        row("torchfits", "ours", 2.0, threads=2),
        row("astropy", "rival", 1.5, threads=2),
        row("torchfits", "ours", 2.0, cache="cold"),
        row("astropy", "rival", 99.0, cache="cold"),
    ]
    (tmp_path / "images.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    table = build.speed_page(tmp_path)
    assert "## Images\n\n| case | torchfits | best rival | ratio, 1 thread | ratio, 2 threads |" in table
    assert "| float32 | 2 ms | 9 ms, astropy | 4.5 | 0.8 |" in table
    assert table.count("| float32") == 1
    assert "some CPU, 2 cores, AVX2; python 3.11, torch 2.13.0, other 1.2 (PyPI)." in table


def test_speed_table_says_where_ours_is_wrong(build: ModuleType, tmp_path: Path) -> None:
    rows = [row("torchfits", "ours", 2.0, check="wrong: 1 of 9 values", ratio=None), row("astropy", "rival", 9.0)]
    (tmp_path / "images.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    assert "| float32 | wrong: 1 of 9 values | none was right | – |" in build.speed_page(tmp_path)
