"""A process that makes calls and times them, told what to do by JSON lines: `python worker.py CALLS.py`.

CALLS.py defines CALLS, names to functions that prepare a call and return it. This file knows neither torchfits, so it
serves any interpreter: the rival of our own import name (bench/rival_torchfits.py) and the measurements of memory.

    {"do": "prepare", "name": ..., "arguments": {...}} -> {"id": 0}
    {"do": "run", "id": 0}                              -> {"seconds": 0.01}
    {"do": "save", "id": 0, "path": ...}                -> {}                 the result, by torch.save
    {"do": "hold", "id": 0}                             -> {"seconds": 0.01}  the result is kept
    {"do": "threads", "threads": 2}                     -> {}

A request that fails is answered by {"error": ...}. The process ends with its standard input.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import time
from typing import Any

import torch


def main() -> None:
    # Replies travel on what was standard output; whatever a library prints goes to standard error.
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    calls = runpy.run_path(sys.argv[1])["CALLS"]
    prepared: list[Any] = []
    held: list[Any] = []

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        if request["do"] == "threads":
            torch.set_num_threads(request["threads"])
            return {}
        if request["do"] == "prepare":
            prepared.append(calls[request["name"]](**request["arguments"]))
            return {"id": len(prepared) - 1}
        call = prepared[request["id"]]
        start = time.perf_counter()
        result = call()
        seconds = time.perf_counter() - start
        if request["do"] == "save":
            torch.save(result, request["path"])
        if request["do"] == "hold":
            held.append(result)
        return {"seconds": seconds}

    replies.write("{}\n")  # imports are done
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line))
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        replies.write(json.dumps(reply) + "\n")


if __name__ == "__main__":
    main()
