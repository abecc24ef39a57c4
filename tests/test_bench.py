"""The harness of bench/, on cases that take no time: what it reports is right. No test asserts a time."""

import importlib
import json
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # bench/ is no part of the installed package
from bench import (
    bench_cutouts,
    bench_operations,
    bench_tables,
    bench_tiles,
    harness,
    plot,
    readers,
    report,
    rivals,
    samples,
)

KEYS = {
    "benchmark", "case", "competitor", "kind", "check", "wall_time_ms", "min_ms", "spread", "bytes",
    "bytes_per_second", "threads", "cache", "ratio", "ratio_min", "rounds", "machine", "versions", "must", "aim",
    "must_us", "others_cpu",
}  # fmt: skip


def tiny(folder, competitors, expected, **more):
    def cases(scratch):
        path = scratch / "file.fits"
        path.write_bytes(samples.hdu(expected.numpy()))
        yield harness.Case("tiny", expected.nbytes, expected, competitors(path), files=[path], **more)

    threads = torch.get_num_threads()
    try:
        return list(harness.run("test", cases, harness.Plan(threads=[1, 2], rounds=3, progress=lambda text: None)))
    finally:
        torch.set_num_threads(threads)


def test_rows_have_every_key_and_are_json(tmp_path):
    expected = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    rows = tiny(
        tmp_path,
        lambda path: [
            harness.ours(expected.clone),
            harness.Competitor("rival", expected.clone),
            harness.limit("nothing", lambda: None),
        ],
        expected,
        must=1.5,
        aim=2.0,
    )
    assert [(row["competitor"], row["threads"]) for row in rows] == [
        (name, threads) for threads in (1, 2) for name in ("torchfits", "rival", "nothing")
    ]
    assert all(set(row) == KEYS for row in rows)
    assert all(row["rounds"] == 3 and row["bytes"] == 48 and row["cache"] == "warm" for row in rows)
    assert [row["check"] for row in rows[:3]] == ["right", "right", "unchecked"]
    assert set(rows[0]["machine"]) == {"cpu", "cores", "simd"}
    assert list(report.written(tmp_path / "test.jsonl", rows)) == rows
    assert report.read(tmp_path / "test.jsonl") == json.loads(json.dumps(rows))
    assert "rival" in report.table(rows)


def test_a_wrong_rival_is_reported_and_is_never_the_best(tmp_path):
    expected = torch.tensor([1.0, float("nan"), 3.0])

    def broken():
        raise OSError("no such thing")

    rows = tiny(
        tmp_path,
        lambda path: [
            harness.ours(expected.clone),
            harness.Competitor("right", expected.clone),
            harness.Competitor("one value off", lambda: torch.tensor([1.0, float("nan"), 4.0])),
            harness.Competitor("nan lost", lambda: torch.tensor([1.0, 2.0, 3.0])),
            harness.Competitor("other dtype", expected.double),
            harness.Competitor("raises", broken),
        ],
        expected,
    )
    checks = {row["competitor"]: row["check"] for row in rows}
    assert checks["right"] == "right"
    assert checks["one value off"] == checks["nan lost"] == "wrong: 1 of 3 values"
    assert checks["other dtype"] == "wrong: torch.float64 [3], not torch.float32 [3]"
    assert checks["raises"] == "raised OSError: no such thing"
    for group in report.groups(rows).values():
        assert report.best_rival(group)["competitor"] == "right"
        assert next(row for row in group if row["competitor"] == "raises")["wall_time_ms"] is None
        assert next(row for row in group if row["competitor"] == "nan lost")["wall_time_ms"] > 0


def test_ours_when_wrong_has_no_ratio(tmp_path):
    expected = torch.ones(3)
    rows = tiny(
        tmp_path,
        lambda path: [harness.ours(lambda: torch.zeros(3)), harness.Competitor("rival", expected.clone)],
        expected,
    )
    assert all(row["ratio"] is None for row in rows)
    assert "OURS wrong: 3 of 3 values" in report.table(rows)


@pytest.mark.parametrize(
    "result, difference",
    [
        ([{"A": 1, "B": "x"}], None),
        ([{"A": 1, "B": "x", "COMMENT": "more is allowed"}], None),
        ([{"A": 1.0, "B": "x"}], "[0] ['A'] 1.0, not 1"),
        ([{"A": True, "B": "x"}], "[0] ['A'] True, not 1"),
        ([{"A": 1}], "[0] 1 keys missing, such as 'B'"),
        ([], "0 items, not 1"),
    ],
)
def test_headers_are_compared_by_value_and_type(result, difference):
    assert harness.differ(result, [{"A": 1, "B": "x"}]) == difference


def test_samples_are_read_alike_by_independent_readers(tmp_path):
    """The oracle of the benchmarks is itself checked: astropy and fitsio find in the files what samples.py says."""
    fits = pytest.importorskip("astropy.io.fits")
    path = tmp_path / "image.fits"
    for dtype in samples.BITPIX:
        stored = samples.sky((5, 7), dtype)
        path.write_bytes(samples.hdu(stored))
        for reader in (readers.astropy, readers.fitsio):
            assert harness.differ(reader(str(path)), samples.tensor(stored)) is None
    values = samples.observation_file(path, 3)
    with fits.open(path) as file:
        file.verify("exception")
        assert harness.differ(dict(file[0].header.items()), values) is None
        assert 150 <= len(file[0].header) <= 200


def test_compressed_samples_are_read_alike(tmp_path, monkeypatch):
    """Every case of bench_tiles, small: ours and each rival here find what the case expects."""
    monkeypatch.setattr(
        rivals, "other", lambda function, **arguments: harness.limit("installed elsewhere", lambda: None)
    )
    names = []
    for case in bench_tiles.cases(tmp_path, side=160, extensions=3, extension_side=64):
        names.append(case.name)
        checks = {competitor.name: harness.check(competitor, case.expected) for competitor in case.competitors}
        assert {verdict for verdict in checks.values() if verdict != "unchecked"} == {"right"}, (case.name, checks)
    assert len(set(names)) == 11


def test_cutouts_are_read_alike(tmp_path, monkeypatch):
    """Every case of bench_cutouts, small."""
    monkeypatch.setattr(
        rivals, "other", lambda function, **arguments: harness.limit("installed elsewhere", lambda: None)
    )
    monkeypatch.setattr(bench_cutouts, "FEW", 4)
    names = []
    for case in bench_cutouts.cases(tmp_path, side=160, files=3, file_side=70, few=4, many=9):
        names.append(case.name)
        checks = {competitor.name: harness.check(competitor, case.expected) for competitor in case.competitors}
        assert {verdict for verdict in checks.values() if verdict != "unchecked"} == {"right"}, (case.name, checks)
    assert len(set(names)) == len(names) == 11


def test_sample_tables_are_read_alike(tmp_path, monkeypatch):
    """Every case of bench_tables, small: ours and astropy find what the case expects, fitsio but in ASCII tables, where
    it has other integers and rounds more than once."""
    monkeypatch.setattr(
        rivals, "other", lambda function, **arguments: harness.limit("installed elsewhere", lambda: None)
    )
    importlib.import_module("torchfits")
    names = []
    for case in bench_tables.cases(tmp_path, rows=300, some=40, ragged=50, narrow=500):
        names.append(case.name)
        checks = {competitor.name: harness.check(competitor, case.expected) for competitor in case.competitors}
        if "ASCII" in case.name:
            del checks["fitsio"]
        assert {verdict for verdict in checks.values() if verdict != "unchecked"} == {"right"}, (case.name, checks)
    assert len(set(names)) == 11


def test_operations_agree(tmp_path):
    """Every case of bench_operations, small: each library has the rows that pandas has."""
    names = []
    for case in bench_operations.cases(tmp_path, rows=400, right_rows=150, keys=30):
        names.append(case.name)
        checks = {competitor.name: harness.check(competitor, case.expected) for competitor in case.competitors}
        assert {verdict for verdict in checks.values() if verdict != "unchecked"} == {"right"}, (case.name, checks)
    assert len(set(names)) == len(names) == 13


def test_a_worker_answers_and_reports_errors(tmp_path):
    calls = tmp_path / "calls.py"
    calls.write_text(
        "import torch\n"
        "def count(size):\n    print('noise on standard output')\n    return lambda: torch.arange(size)\n"
        "CALLS = {'count': count}\n"
    )
    worker = rivals.Worker(sys.executable, calls)
    try:
        remote = rivals.Remote("remote", worker, "count", {"size": 4})
        assert harness.check(remote, torch.arange(4)) == "right"
        assert remote.timed() > 0
        assert harness.check(rivals.Remote("remote", worker, "missing", {}), None).startswith("raised RuntimeError")
    finally:
        worker.close()


def test_the_plot_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    expected = torch.ones(3)
    rows = tiny(
        tmp_path, lambda path: [harness.ours(expected.clone), harness.Competitor("astropy", expected.clone)], expected
    )
    assert list(report.written(tmp_path / "test.jsonl", rows)) == rows
    assert plot.draw(tmp_path).stat().st_size > 1000
