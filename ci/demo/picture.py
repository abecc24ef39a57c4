"""The demo's picture: the image with a score at every place, held-out stamps with theirs, and how fast it went."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import matplotlib
import torch
from stamps import HALF, Places
from torch import Tensor

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import SubFigure
from matplotlib.patches import Patch

NIGHT, INK, FAINT = "#0b0e14", "#e8e6df", "#8a93a6"
SCORES = LinearSegmentedColormap.from_list("scores", ["#ff5d73", "#c98bdb", "#4cc9f0"])  # empty to star
ROWS, COLUMNS = 4, 7
MARKS = 700  # more would hide the sky


@dataclass
class Accuracy:
    """How many of the held-out stamps are on the right side of 0.5."""

    stars: tuple[int, int]  # right, of all
    empty: tuple[int, int]

    @classmethod
    def of(cls, scores: Tensor, places: Places) -> Accuracy:
        right = (scores > 0.5) == places.star
        counts = []
        for kind in (places.star, ~places.star):
            chosen = right[places.held_out & kind]
            counts.append((int(chosen.sum()), len(chosen)))
        return cls(*counts)

    @property
    def balanced(self) -> float:
        return (self.stars[0] / self.stars[1] + self.empty[0] / self.empty[1]) / 2

    def __str__(self) -> str:
        stars, empty = (f"{right} of {count}" for right, count in (self.stars, self.empty))
        return f"{100 * self.balanced:.1f} % ({stars} stars, {empty} empty places; chance is 50 %)"


def draw(
    target: Path,
    name: str,
    image: Tensor,
    cut: Tensor,
    places: Places,
    scores: Tensor,
    accuracy: Accuracy,
    rates: dict[str, tuple[float, float]],
) -> None:
    pyplot.rcParams.update({"text.color": INK, "axes.labelcolor": FAINT, "xtick.color": FAINT, "ytick.color": FAINT})
    pyplot.rcParams.update({"font.size": 10, "axes.edgecolor": FAINT, "axes.facecolor": NIGHT})
    figure = pyplot.figure(figsize=(17, 9.6), facecolor=NIGHT, layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1))
    _sky(left, name, image, places, scores)
    gallery, bottom = right.subfigures(2, 1, height_ratios=(1.7, 1))
    _stamps(gallery, cut, places, scores, accuracy)
    histogram, bars = bottom.subplots(1, 2, width_ratios=(1, 1.15))
    _histogram(histogram, places, scores)
    _bars(bars, rates)
    figure.savefig(target, dpi=110, facecolor=NIGHT)
    pyplot.close(figure)


def _stretched(image: Tensor) -> Tensor:
    """Linear in the sky, logarithmic in stars."""
    known = image[image.isfinite()]
    level = known.median()
    noise = 1.4826 * (known - level).abs().median()
    return torch.asinh((image - level) / (2 * noise.clamp(min=1e-6)))


def _sky(figure: SubFigure, name: str, image: Tensor, places: Places, scores: Tensor) -> None:
    axes = figure.subplots()
    bright = _stretched(image)
    limits = torch.quantile(
        bright[bright.isfinite()][:: max(1, bright.numel() // 1_000_000)], torch.tensor([0.02, 0.999])
    )
    axes.imshow(bright, cmap="gray", origin="lower", vmin=limits[0], vmax=limits[1], interpolation="nearest")
    rows, columns = places.centres[:MARKS].T  # they are in random order
    axes.scatter(columns, rows, s=58, facecolors="none", edgecolors=SCORES(scores[:MARKS].numpy()), linewidths=1.3)
    for edge in places.edges:
        line = axes.axvline if places.axis == 1 else axes.axhline
        line(edge, color=INK, linestyle=(0, (4, 4)), linewidth=0.9)
    words = (("trained on these", places.edges[0] - 3, "right"), ("held out: never seen", places.edges[1] + 3, "left"))
    for text, at, side in words:
        if places.axis == 1:
            axes.annotate(
                text, (at, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 4), textcoords="offset points", ha=side
            )
        else:
            axes.text(image.shape[1], at, text, va="top" if side == "right" else "bottom", rotation=90)
    axes.set_title(f"{name}: is there a star in the middle of this stamp?", fontsize=15, pad=24, color=INK, loc="left")
    axes.set(xlabel="pixel", ylabel="pixel")
    bar = figure.colorbar(
        ScalarMappable(Normalize(0, 1), SCORES), ax=axes, orientation="horizontal", fraction=0.035, pad=0.02, aspect=50
    )
    bar.set_label("score: 0 empty, 1 star")
    bar.outline.set_visible(False)


def _stamps(figure: SubFigure, cut: Tensor, places: Places, scores: Tensor, accuracy: Accuracy) -> None:
    shown, mistakes, all_mistakes = _chosen(places, scores)
    among = (
        f"all {all_mistakes} mistakes (×)" if mistakes == all_mistakes else f"{mistakes} of {all_mistakes} mistakes (×)"
    )
    figure.suptitle(
        f"Held-out stamps from the surest star to the surest empty place, {among} among them\n"
        f"right in {100 * accuracy.balanced:.1f} % (chance: 50 %): {accuracy.stars[0]} of {accuracy.stars[1]} stars, "
        f"{accuracy.empty[0]} of {accuracy.empty[1]} empty places",
        fontsize=11.5,
        color=INK,
    )
    for axes, number in zip(figure.subplots(ROWS, COLUMNS).flat, shown.tolist(), strict=True):
        axes.imshow(_stretched(cut[number]), cmap="gray", origin="lower")
        score = float(scores[number])
        wrong = (score > 0.5) != bool(places.star[number])
        axes.set(xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set(color=SCORES(score), linewidth=2)
        axes.plot([HALF - 9, HALF - 5], [HALF, HALF], [HALF + 5, HALF + 9], [HALF, HALF], color=SCORES(score), lw=1.2)
        axes.set_title(f"{score:.2f}" + (" ×" if wrong else ""), fontsize=9, pad=3, color=SCORES(score))


def _chosen(places: Places, scores: Tensor) -> tuple[Tensor, int, int]:
    """Held-out stamps to show, by score: mistakes, at most a row of them, and others evenly from all the rest."""
    held_out = places.held_out.nonzero()[:, 0]
    ranked = held_out[scores[held_out].argsort(descending=True)]
    wrong = (scores[ranked] > 0.5) != places.star[ranked]
    mistakes, right = ranked[wrong], ranked[~wrong]
    few = mistakes[torch.linspace(0, len(mistakes) - 1, min(COLUMNS, len(mistakes))).round().long()]
    rest = right[torch.linspace(0, len(right) - 1, ROWS * COLUMNS - len(few)).round().long()]
    shown = torch.cat([few, rest])
    return shown[scores[shown].argsort(descending=True)], len(few), len(mistakes)


def _histogram(axes: Axes, places: Places, scores: Tensor) -> None:
    kinds = {"empty places": ~places.star, "stars": places.star}
    values = [scores[places.held_out & mask].numpy() for mask in kinds.values()]
    colours = [SCORES(0.0), SCORES(1.0)]
    axes.hist(values, bins=25, range=(0, 1), color=colours, label=list(kinds), histtype="stepfilled", alpha=0.75)
    axes.set_yscale("log")
    axes.axvline(0.5, ymax=0.8, color=INK, linestyle=(0, (4, 4)), linewidth=0.9)
    axes.set(xlabel="score", ylabel="held-out stamps")
    axes.legend(frameon=False, labelcolor=INK, loc="upper center")
    axes.spines[["top", "right"]].set_visible(False)


def _bars(axes: Axes, rates: dict[str, tuple[float, float]]) -> None:
    """Stamps per second, ours and the usual way: a pair of bars for each job."""
    for job, (title, pair) in enumerate(rates.items()):
        top = 3 * job
        axes.text(0, top - 0.7, f"{title}: {pair[0] / pair[1]:.1f} times as fast", va="center", fontsize=10.5)
        for place, rate, colour in zip((top, top + 0.9), pair, (SCORES(1.0), FAINT), strict=True):
            bar = axes.barh(place, rate / max(pair), color=colour, height=0.8)
            axes.bar_label(bar, [f"{rate:,.0f}"], padding=5, color=INK, fontsize=11)
    axes.set(yticks=[], xticks=[], xlim=(0, 1.22), ylim=(3 * len(rates) - 0.9, -1.3))
    axes.spines[:].set_visible(False)
    axes.set_title("Stamps per second", fontsize=11.5, color=INK, loc="left")
    bars = [
        Patch(color=SCORES(1.0), label="torchfits"),
        Patch(color=FAINT, label="the usual way: astropy, NumPy, torch"),
    ]
    axes.legend(handles=bars, frameon=False, labelcolor=INK, loc="upper left", bbox_to_anchor=(-0.03, 0.02), ncols=2)
