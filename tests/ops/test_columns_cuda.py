"""decode_columns on a CUDA device: the CPU's bits, and what a device must do without being asked.

All of it needs a GPU and is skipped without one; tests/cpp/test_cuda_columns.cpp runs what a block of threads does on
the host.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ops.test_columns import BAD_ROWS, NUMBERS, SCALINGS, TFORMS, random_table
from ops.test_tiles_cuda import needs_gpu, same_bits

decode_columns = torch.ops.fits.decode_columns
pytestmark = needs_gpu


def check(table: np.ndarray, tforms: list[str], columns: list[int], scaling: tuple[float, float] = (1.0, 0.0)) -> None:
    scalings = {"tscal": [scaling[0]] * len(tforms), "tzero": [scaling[1]] * len(tforms)}
    rows = torch.from_numpy(table)
    found = decode_columns(rows.cuda(), tforms, columns, **scalings)
    for one, other in zip(found, decode_columns(rows, tforms, columns, **scalings), strict=True):
        assert one.is_cuda
        parts = [torch.view_as_real(t) if t.is_complex() else t for t in (one, other)]
        same_bits(*parts)


@pytest.mark.parametrize("rows", [0, 1, 5, 3000])
def test_every_type_on_cuda(rows: int) -> None:
    tforms = [*TFORMS, "PJ(3)", "QE"]
    check(random_table(tforms, rows), tforms, list(range(len(tforms))))


@pytest.mark.parametrize("tscal, tzero", SCALINGS)
def test_scaling_on_cuda(tscal: float, tzero: float) -> None:
    tforms = ["3A", *(f"{repeat}{letter}" for letter in NUMBERS for repeat in ("", "2", "9"))]
    check(random_table(tforms, 1001), tforms, list(range(len(tforms))), (float(tscal), float(tzero)))


@pytest.mark.parametrize("tforms", [["20001X"], ["3A", "70001E", "I"], ["E"] * 999, ["8193L", "J", "8191A"]])
def test_wide_cells_and_rows_on_cuda(tforms: list[str]) -> None:
    check(random_table(tforms, 17), tforms, list(range(len(tforms))))


def test_chosen_columns_on_cuda() -> None:
    tforms = ["J", "300A", "I", "D", "1000E", "L"]
    check(random_table(tforms, 500), tforms, [3, 0, 5, 0])
    check(random_table(tforms, 500), tforms, [])


@pytest.mark.parametrize("first", [1, 2, 3])
def test_rows_at_any_address_on_cuda(first: int) -> None:
    tforms = ["I", "5A", "D", "3L", "7X"]
    table = random_table(tforms, 700)
    there = torch.from_numpy(table).cuda()
    for rows in (there[first:], there[:, :], there[::2]):
        found = decode_columns(rows, tforms, [0, 1, 2, 3, 4], tscal=[], tzero=[])
        for one, other in zip(found, decode_columns(rows.cpu(), tforms, [0, 1, 2, 3, 4], tscal=[], tzero=[])):
            same_bits(one, other)


def test_more_bytes_than_32_bits_count_on_cuda() -> None:
    tforms = ["J", "K", "500B"]
    if torch.cuda.mem_get_info()[0] < 12 << 30:
        pytest.skip("the GPU has too little memory free")
    part = torch.from_numpy(random_table(tforms, 1000)).cuda()
    rows = part.repeat(5000, 1)
    for one, other in zip(
        decode_columns(rows, tforms, [0, 1, 2], tscal=[], tzero=[]),
        decode_columns(part.cpu(), tforms, [0, 1, 2], tscal=[], tzero=[]),
    ):
        same_bits(one[:1000], other)
        same_bits(one[-1000:], other)


@pytest.mark.parametrize("rows, tforms, columns, tscal, message", BAD_ROWS)
def test_rows_that_do_not_fit_on_cuda(
    rows: torch.Tensor, tforms: list[str], columns: list[int], tscal: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=f"decode_columns: {message}"):
        decode_columns(rows.cuda(), tforms, columns, tscal=tscal, tzero=[])


def test_nothing_waits_for_the_device_on_cuda() -> None:
    """What waits cannot be captured into a CUDA graph."""
    tforms = ["E"] * 200  # several launches
    table = torch.from_numpy(random_table(tforms, 300))
    arguments = (tforms, list(range(200)))
    there = table.cuda()
    decode_columns(there, *arguments, tscal=[], tzero=[])
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        found = decode_columns(there, *arguments, tscal=[], tzero=[])
    for column in found:
        column.zero_()
    graph.replay()
    for one, other in zip(found, decode_columns(table, *arguments, tscal=[], tzero=[]), strict=True):
        same_bits(one, other)
