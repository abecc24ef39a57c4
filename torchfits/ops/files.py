"""read_file: a file's bytes."""

from __future__ import annotations

import torch

from torchfits.ops.tracing import unknown_size

DOCS = {
    "read_file": """The bytes of a file, inflated if it is gzipped (by content, not by name).

Returns uint8 ``[n]`` on the CPU. Feeds every ``.bytes`` reader and, several laid end to end, every ``.packed`` one.
Files packed by compress(1) or bzip2, and zip archives of one file, are unpacked too.

Errors: RuntimeError if the file cannot be opened, or if its gzip stream is cut off or damaged.
""",
    "read_file.utf8": """The same, the path given as its UTF-8 characters, uint8 ``[k]``.

A ``str`` that is an input of an exported graph is specialised to its value at export; a tensor is not.
""",
}


@torch.library.register_fake("fits::read_file")
def _(path: str) -> torch.Tensor:
    return torch.empty(unknown_size(), dtype=torch.uint8, device="cpu")


@torch.library.register_fake("fits::read_file.utf8")
def _(path: torch.Tensor) -> torch.Tensor:
    return torch.empty(unknown_size(), dtype=torch.uint8, device="cpu")
