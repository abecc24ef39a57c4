"""The judge of tests/test_hostile.py: runs every reader on a mutant, in a process that may not grow or hang.

`python tests/hostile.py FOLDER` is that process: it takes requests on its standard input, and says which mutant it is
at before it touches it, so that a crash has a name.
"""

import json
import os
import pickle
import re
import resource
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from mutants import Mutant, Sample

import torchfits  # noqa: F401

F = torch.ops.fits
KEYS = ["BITPIX", "NAXIS", "EXPTIME", "OBJECT", "MISSING"]
HEADROOM = 192 << 20  # bytes that the readers may take beyond what the process has
ONLY_PATHS = "read from files only"
KIND_IMAGE, KIND_COMPRESSED, KIND_GROUPS = 0, 3, 4


@dataclass
class Outcome:
    """What a call gave: a value, or the error's type and text."""

    value: object = None
    error: type[Exception] | None = None
    text: str = ""

    def same_as(self, other: "Outcome") -> bool:
        return self.error is other.error and (self.error is not None or equal(self.value, other.value))


def equal(a: object, b: object) -> bool:
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        if a.shape != b.shape or a.dtype != b.dtype:
            return False
        return a.reshape(-1).numpy().tobytes() == b.reshape(-1).numpy().tobytes()  # NaN included; NumPy has 64 axes
    if isinstance(a, (tuple, list)) and isinstance(b, (tuple, list)):
        return len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b))
    return a == b


def attempt(call: Callable[[], object]) -> Outcome:
    try:
        return Outcome(call())
    except Exception as error:  # whatever it is, the judge wants it
        return Outcome(error=type(error), text=str(error))


def calls_on_file(path: str, data: torch.Tensor) -> Iterator[tuple[str, str, Callable[[], object]]]:
    """(what, form, call) of the readers that concern the whole file."""
    yield "hdus", "path", lambda: F.hdus(path)
    yield "hdus", "bytes", lambda: F.hdus.bytes(data)
    yield "hdu_names", "path", lambda: F.hdu_names(path)
    yield "hdu_names", "bytes", lambda: F.hdu_names.bytes(data)


def calls_on_hdu(path: str, data: torch.Tensor, k: int, shape: list[int]) -> Iterator[tuple[str, str, Callable]]:
    """(what, form, call) of every reader of HDU k; `shape` is that of the sound image, one pixel where it has none."""
    offsets = torch.tensor([0, len(data)])
    start, size = [0] * len(shape), [max(1, n // 2) for n in shape]
    naxis = len(shape)
    yield "header", "path", lambda: F.header(path, k)
    yield "header", "bytes", lambda: F.header.bytes(data, k)
    yield "stored header", "path", lambda: F.header(path, k, stored=True)
    yield "stored header", "bytes", lambda: F.header.bytes(data, k, stored=True)
    yield "header", "list", lambda: F.headers([path], k)[0]
    yield "values", "path", lambda: F.header_values(path, k, KEYS)
    yield "values", "bytes", lambda: F.header_values.bytes(data, k, KEYS)
    yield "values", "list", lambda: F.header_values.paths([path], k, KEYS)[0]
    yield "values", "packed", lambda: F.header_values.packed(data, offsets, k, KEYS)[0]
    yield "image", "path", lambda: F.read_image(path, k)
    yield "image", "bytes", lambda: F.read_image.bytes(data, k)
    yield "stored image", "path", lambda: F.read_image(path, k, scaled=False)
    yield "stored image", "bytes", lambda: F.read_image.bytes(data, k, scaled=False)
    yield "section", "path", lambda: F.read_section(path, k, start, size)
    yield "section", "bytes", lambda: F.read_section.bytes(data, k, start, size)
    for strict in (True, False):
        what = "strict" if strict else "tolerant"
        yield f"{what} images", "path", lambda s=strict: F.read_images([path], [k], shape, strict=s)
        yield f"{what} images", "bytes", lambda s=strict: F.read_images.packed(data, offsets, [k], shape, strict=s)
        yield f"{what} ragged", "path", lambda s=strict: F.read_images_ragged([path], [k], naxis, strict=s)
        yield (
            f"{what} ragged",
            "bytes",
            lambda s=strict: F.read_images_ragged.packed(data, offsets, [k], naxis, strict=s),
        )


HEADER_CALLS = ("header", "stored header", "values")
IMAGE_CALLS = ("image", "stored image", "section", "strict images", "strict ragged")


class Judge:
    """Compares what the readers make of mutants with what they make of the sample."""

    def __init__(self, of: Sample, folder: Path) -> None:
        self.sample = of
        self.path = str(folder / "mutant.fits")
        self.count = len(of.extents)
        self.shapes: list[list[int]] = []
        data = self._store(of.data)
        table = F.hdus.bytes(data)
        for k in range(self.count):
            naxis = int(table[k, 5])
            is_image = int(table[k, 0]) in (KIND_IMAGE, KIND_COMPRESSED, KIND_GROUPS) and naxis > 0
            self.shapes.append(table[k, 6 : 6 + naxis].tolist() if is_image else [1, 1])
        self.file = self._outcomes(calls_on_file(self.path, data))
        self.sound = [self._outcomes(calls_on_hdu(self.path, data, k, self.shapes[k])) for k in range(self.count)]

    def _store(self, data: bytes) -> torch.Tensor:
        Path(self.path).unlink(missing_ok=True)  # a new file each time: never one that is mapped
        Path(self.path).write_bytes(data)
        return torch.frombuffer(bytearray(data), dtype=torch.uint8) if data else torch.empty(0, dtype=torch.uint8)

    @staticmethod
    def _outcomes(calls: Iterator[tuple[str, str, Callable]]) -> dict[tuple[str, str], Outcome]:
        return {(what, form): attempt(call) for what, form, call in calls}

    def complaints(self, mutant: Mutant) -> list[str]:
        """What is wrong with what the readers made of it; empty if nothing is."""
        data = self._store(mutant.data)
        found = self._whole_file(mutant, data)
        for k in range(self.count + 1):
            shape = self.shapes[k] if k < self.count else [1, 1]
            outcomes = self._outcomes(calls_on_hdu(self.path, data, k, shape))
            for (what, form), outcome in outcomes.items():
                found += [f"HDU {k}, {what} ({form}): {wrong}" for wrong in self._one(mutant, k, what, form, outcome)]
            found += [f"HDU {k}, {wrong}" for wrong in self._agreement(k, outcomes)]
            found += [f"HDU {k}, {wrong}" for wrong in self._changed_pixels(mutant, k, outcomes)]
        return found

    def _whole_file(self, mutant: Mutant, data: torch.Tensor) -> list[str]:
        found = []
        file = attempt(lambda: F.read_file(self.path))
        if mutant.data[:3] != b"\x1f\x8b\x08":
            if file.error is not None or not torch.equal(file.value, data):
                found.append(f"read_file: {file.text or 'other bytes'}")
        else:
            found += [f"read_file: {wrong}" for wrong in well_said(file, self.path)]
        outcomes = self._outcomes(calls_on_file(self.path, data))
        for (what, form), outcome in outcomes.items():
            found += [f"{what} ({form}): {wrong}" for wrong in well_said(outcome, self.path)]
            sound = self.file[what, form]
            if not mutant.truthful or outcome.error is not None:
                continue
            first = outcome.value[: len(outcome.value)]
            if not equal(first, sound.value[: len(outcome.value)]):
                found.append(f"{what} ({form}): other HDUs than in the sample")
        for what in ("hdus", "hdu_names"):
            if not outcomes[what, "path"].same_as(outcomes[what, "bytes"]):
                found.append(f"{what}: path and bytes differ")
        return found

    def _one(self, mutant: Mutant, k: int, what: str, form: str, outcome: Outcome) -> list[str]:
        found = well_said(outcome, self.path)
        sound = self.sound[k].get((what, form)) if k < self.count else None
        header, image = what in HEADER_CALLS, what in IMAGE_CALLS
        must_match = (header and k in mutant.headers) or (not header and k in mutant.images)
        if must_match and sound is not None and not outcome.same_as(sound):
            found.append(f"not as in the sound file: {outcome.text or 'other values'}")
        if image and k in mutant.refused and outcome.error is None and what != "section":
            found.append("read, but must be refused")
        if ONLY_PATHS in outcome.text:  # what CFITSIO owns is refused from bytes, whatever it is
            return well_said(outcome, self.path)
        if what.startswith("tolerant"):
            found += self._status(outcome, refused=k in mutant.refused)
        elif mutant.truthful and outcome.error is None and sound is not None and not outcome.same_as(sound):
            found.append("other values than in the sound file")
        return found

    @staticmethod
    def _status(outcome: Outcome, *, refused: bool) -> list[str]:
        if outcome.error is not None:
            return [f"raises, though not strict: {outcome.text}"]
        values, status = outcome.value[0], outcome.value[-1]
        if int(status) == 0:
            return ["status 0, but must be refused"] if refused else []
        if not 0 < int(status) < 32:
            return [f"status {int(status)}"]
        return [] if values.isnan().all() else [f"status {int(status)}, but not filled"]

    @staticmethod
    def _agreement(k: int, outcomes: dict[tuple[str, str], Outcome]) -> list[str]:
        """Forms of one reader give one result; what is read whole is what batches read."""
        found = []
        for (what, form), outcome in outcomes.items():
            first = outcomes[what, "path"]
            if outcome.same_as(first) or ONLY_PATHS in outcome.text or what.startswith("tolerant"):
                continue
            found.append(f"{what}: path and {form} differ: {first.text or 'a value'} | {outcome.text or 'a value'}")
        for kind in ("images", "ragged"):
            for form in ("path", "bytes"):
                strict, tolerant = outcomes[f"strict {kind}", form], outcomes[f"tolerant {kind}", form]
                if tolerant.error is None and (strict.error is None) != (int(tolerant.value[-1]) == 0):
                    found.append(
                        f"{kind} ({form}): status {int(tolerant.value[-1])}, strict: {strict.text or 'a value'}"
                    )
        return found

    def _changed_pixels(self, mutant: Mutant, k: int, outcomes: dict[tuple[str, str], Outcome]) -> list[str]:
        """Where only pixels were changed these pixels change, and no other."""
        if not mutant.changed or k >= self.count or not self.sample.extents[k].plain:
            return []
        extent = self.sample.extents[k]
        stored = outcomes["stored image", "path"]
        if stored.error is not None:
            return [f"stored image: {stored.text}"]
        width = stored.value.element_size()
        expected = mutant.data[extent.data_start : extent.data_end]
        code = {1: "B", 2: "h", 4: "i", 8: "q"}[width]
        count = len(expected) // width
        native = struct.pack(f"={count}{code}", *struct.unpack(f">{count}{code}", expected))
        return [] if stored.value.numpy().tobytes() == native else ["stored image: not the changed pixels"]


def well_said(outcome: Outcome, path: str) -> list[str]:
    """An error is of one of three types, one sentence, and says where; and memory is no excuse."""
    if outcome.error is None:
        return []
    text = outcome.text
    found = []
    if outcome.error not in (ValueError, IndexError, RuntimeError):
        found.append(f"raises {outcome.error.__name__}: {text}")
    if "\n" in text or len(text) > 700:
        found.append(f"more than a sentence: {text}")
    if not any(name in text for name in (path, "data", "item 0")):
        found.append(f"does not say where: {text}")
    if re.search(r"\.cpp|\.h:|c10::|std::|terminate", text):
        found.append(f"speaks of source code: {text}")
    if re.search("memory|alloc", text):
        found.append(f"takes memory that the file only claims: {text}")
    return found


def virtual_size() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def warm_up(judge: Judge) -> None:
    """Threads and arenas are there before the limit is set."""
    torch.zeros(1 << 20).add_(1).sum()
    for _ in range(3):
        judge.complaints(Mutant("sound", judge.sample.data))
    resource.setrlimit(resource.RLIMIT_AS, (virtual_size() + HEADROOM, resource.RLIM_INFINITY))


def serve(folder: Path) -> None:
    """Requests: a line with the name of a file that holds a sample and mutants. Answers: lines of JSON, before each
    mutant its index, after it what is wrong."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print must not mix with the answers
    torch.set_num_threads(2)
    for request in sys.stdin:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        of, mutants = pickle.loads(Path(request.strip()).read_bytes())
        judge = Judge(of, folder)
        warm_up(judge)
        for i, mutant in enumerate(mutants):
            print(json.dumps({"at": i}), file=answers)
            complaints = judge.complaints(mutant)
            if complaints:
                print(json.dumps({"wrong": complaints}), file=answers)
        print(json.dumps({"done": True}), file=answers)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
