"""Draws bench/results/*.jsonl as one picture: how many times as long (or as much memory) as ours each competitor takes.

`python -m bench.plot [FOLDER]` writes FOLDER/ratios.png.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bench import report

COLOURS = {"astropy": "tab:orange", "fitsio": "tab:green", "cfitsio": "tab:olive", "limit": "0.6"}
OTHER_COLOUR = "tab:red"


def draw(folder: Path) -> Path:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    results = [row for path in sorted(folder.glob("*.jsonl")) for row in report.read(path)]
    groups = [(key, group) for key, group in report.groups(results).items() if any(row["ratio"] for row in group)]
    if not groups:
        raise SystemExit(f"{folder} holds no results with ratios: run `python -m bench` first")
    figure, axes = pyplot.subplots(figsize=(11, 1.2 + 0.27 * len(groups)), layout="constrained")
    for place, (_, group) in enumerate(groups):
        for row in group:
            if row["kind"] == "ours" or not row["ratio"]:
                continue
            name = "limit" if row["kind"] == "limit" else row["competitor"]
            right = row["check"] in ("right", "unchecked")
            marker = ("|" if name == "limit" else "o") if right else "x"
            axes.plot(row["ratio"], place, marker, color=COLOURS.get(name, OTHER_COLOUR), label=name if right else None)
        must = next((row.get("must") for row in group if row["kind"] == "ours"), None)
        if must:
            axes.plot(must, place, ">", color="black", markersize=4, label="must, for the best rival")
    axes.axvline(1.0, color="tab:blue", label="torchfits (this project)")
    axes.set_xscale("log")
    axes.set_xlabel("time or memory, in units of ours (right of the line: ours is better; x: wrong result)")
    axes.set_yticks(range(len(groups)), [label(*key) for key, _ in groups], fontsize=8)
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    unique = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    axes.legend(unique.values(), unique.keys(), fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    machine = results[0]["machine"]
    axes.set_title(f"{machine['cpu']}, {machine['cores']} cores, {machine['simd']}", fontsize=9)
    target = folder / "ratios.png"
    figure.savefig(target, dpi=120)
    pyplot.close(figure)
    return target


def label(benchmark: str, case: str, threads: int, cache: str) -> str:
    return f"{benchmark}: {case}, {threads} thread{'s' * (threads > 1)}" + (", cold" if cache == "cold" else "")


if __name__ == "__main__":
    print(draw(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent / "results"))
