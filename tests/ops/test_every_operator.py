"""Every overload that is registered, by one table: eager, scripted, compiled, exported, checked, on 1 and 2 threads.

What the values are is tested operator by operator; here all ways of running one must agree with its eager call, before
and after the file that it reads was rewritten.
"""

from __future__ import annotations

import runpy
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from operator_samples import SAMPLES, Files, overload, overload_names

# Text does not live in graphs (docs/operators.md).
TEXT = {name for name in SAMPLES if "str" in str(overload(name)._schema.returns[0].type)}
TENSORS = sorted(set(SAMPLES) - TEXT)


@pytest.fixture(autouse=True)
def _no_compiler_cache() -> Iterator[None]:
    """inductor's cache on disk would serve graphs captured by another version of a fake."""
    torch.compiler.reset()
    with torch.compiler.config.patch(force_disable_caches=True):
        yield


def bare(name: str) -> Any:
    """The operator as users call it, overloads told apart by their arguments."""
    return getattr(torch.ops.fits, name.partition(".")[0])


def results(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (tuple, list)) else [value]


def assert_same(found: Any, expected: Any) -> None:
    assert len(results(found)) == len(results(expected))
    for one, other in zip(results(found), results(expected)):
        if isinstance(other, torch.Tensor):
            assert (one.dtype, one.shape, one.stride()) == (other.dtype, other.shape, other.stride())
            torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)
        else:
            assert one == other


def test_every_overload_has_a_sample() -> None:
    assert overload_names() == sorted(SAMPLES)


def test_every_overload_has_a_docstring() -> None:
    from torchfits.ops import DOCS

    assert sorted(DOCS) == overload_names()


def test_samples_call_the_overload_they_name(tmp_path: Path) -> None:
    """No earlier overload takes the arguments (a str converts to str[], letter by letter)."""
    for name, sample in SAMPLES.items():
        args, kwargs = sample(Files(tmp_path))
        packet, _, form = name.partition(".")
        assert torch._C._jit_resolve_packet(f"fits::{packet}", *args, **kwargs) == (form or "default"), name


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_eager_by_bare_name(name: str, tmp_path: Path) -> None:
    args, kwargs = SAMPLES[name](Files(tmp_path))
    assert_same(bare(name)(*args, **kwargs), overload(name)(*args, **kwargs))


@pytest.mark.parametrize("name", [name for name in sorted(SAMPLES) if name.endswith((".packed", ".bytes"))])
def test_bare_name_does_not_take_tensors_apart(name: str, tmp_path: Path) -> None:
    """To see that a tensor is no str[], torch makes a tensor of each element: that form must be tried last."""
    args, kwargs = SAMPLES[name](Files(tmp_path))
    long = torch.cat([args[0], torch.zeros(1_000_000, dtype=torch.uint8)])
    start = time.perf_counter()
    bare(name)(long, *args[1:], **kwargs)
    assert time.perf_counter() - start < 0.5  # 4 s when it does


def script_types(name: str) -> dict[str, str]:
    """TorchScript's spelling of an overload's argument types."""
    spelling = {"number": "float", "int": "int", "float": "float", "str": "str", "bool": "bool", "Tensor": "Tensor"}

    def spell(kind: str) -> str:
        kind = kind.replace("SymInt", "int").replace("ScalarType", "int")
        if kind.startswith(("List[", "Optional[")):
            outer, _, inner = kind.partition("[")
            return f"{outer}[{spell(inner[:-1])}]"
        return spelling[kind]

    return {argument.name: spell(str(argument.type)) for argument in overload(name)._schema.arguments}


SCRIPT = """
from typing import List, Optional
import torch
from torch import Tensor

class Module(torch.nn.Module):
    def forward(self, {parameters}):
        return torch.ops.fits.{packet}({arguments})
"""


def script_of(name: str, args: tuple[Any, ...], kwargs: dict[str, Any], folder: Path) -> torch.jit.ScriptModule:
    """A scripted module that calls the operator by its bare name, saved and loaded again."""
    types = script_types(name)
    positional = list(types)[: len(args)]
    parameters = ", ".join(f"{argument}: {types[argument]}" for argument in [*positional, *kwargs])
    arguments = ", ".join([*positional, *(f"{key}={key}" for key in kwargs)])
    source = folder / "scripted.py"
    source.write_text(SCRIPT.format(parameters=parameters, packet=name.partition(".")[0], arguments=arguments))
    module = runpy.run_path(str(source), run_name="scripted")["Module"]()
    torch.jit.save(torch.jit.script(module), folder / "scripted.pt")
    return torch.jit.load(folder / "scripted.pt")


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_scripted_saved_and_loaded(name: str, tmp_path: Path) -> None:
    args, kwargs = SAMPLES[name](Files(tmp_path))
    scripted = script_of(name, args, kwargs, tmp_path)
    for version in (0, 1):
        args, kwargs = SAMPLES[name](Files(tmp_path, version))
        assert_same(scripted(*args, **kwargs), overload(name)(*args, **kwargs))


def caller(name: str, kwargs: dict[str, Any]) -> Callable[..., Any]:
    operator = bare(name)
    return lambda *args: operator(*args, **kwargs)


@pytest.mark.parametrize("name", TENSORS)
def test_compiled_full_graph(name: str, tmp_path: Path) -> None:
    """Once, dynamic from the start: a rewritten file or another batch must not ask for another graph."""
    args, kwargs = SAMPLES[name](Files(tmp_path))
    compiled = torch.compile(caller(name, kwargs), fullgraph=True, dynamic=True)
    assert_same(compiled(*args), overload(name)(*args, **kwargs))
    for version, count in ((1, 3), (2, 5)):
        if count != 3 and any(isinstance(arg, list) for arg in args):
            continue  # a list of paths is a constant of the graph
        args, kwargs = SAMPLES[name](Files(tmp_path, version, count))
        with torch.compiler.set_stance("fail_on_recompile"):
            assert_same(compiled(*args), overload(name)(*args, **kwargs))


class Module(torch.nn.Module):
    def __init__(self, call: Callable[..., Any]) -> None:
        super().__init__()
        self.call = call

    def forward(self, *args: Any) -> Any:
        return self.call(*args)


@pytest.mark.parametrize("name", TENSORS)
def test_exported_with_dynamic_sizes(name: str, tmp_path: Path) -> None:
    """Batch and bytes of any length, a batch of one among them."""
    args, kwargs = SAMPLES[name](Files(tmp_path))
    kernel = name in ("unpack",)  # its shape, an argument, says how many bytes there are
    dynamic = torch.export.Dim.STATIC if kernel else torch.export.Dim.DYNAMIC
    tensors = [{0: dynamic} if isinstance(arg, torch.Tensor) else None for arg in args]
    shapes = [[None] * len(arg) if isinstance(arg, list) else tensor for arg, tensor in zip(args, tensors)]
    with torch.fx.experimental._config.patch(backed_size_oblivious=True):
        program = torch.export.export(Module(caller(name, kwargs)), args, dynamic_shapes=(tuple(shapes),))
    exported = program.module()
    for version, count in ((0, 3), (1, 3), (2, 1), (3, 2), (4, 11)):
        if count != 3 and any(isinstance(arg, list) for arg in args):
            continue
        args, kwargs = SAMPLES[name](Files(tmp_path, version, count))
        assert_same(exported(*args), overload(name)(*args, **kwargs))


@pytest.mark.parametrize("name", TENSORS)
def test_opcheck(name: str, tmp_path: Path) -> None:
    args, kwargs = SAMPLES[name](Files(tmp_path))
    torch.library.opcheck(overload(name), args, kwargs)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_threads_do_not_change_results(name: str, tmp_path: Path) -> None:
    args, kwargs = SAMPLES[name](Files(tmp_path, count=40))
    threads = torch.get_num_threads()
    found = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            found.append(overload(name)(*args, **kwargs))
    finally:
        torch.set_num_threads(threads)
    assert_same(*found)


@pytest.mark.parametrize("name", sorted(TEXT))
def test_text_is_refused_by_compilers(name: str, tmp_path: Path) -> None:
    args, kwargs = SAMPLES[name](Files(tmp_path))
    with pytest.raises(torch._dynamo.exc.Unsupported):
        torch.compile(caller(name, kwargs), fullgraph=True)(*args)


@pytest.mark.parametrize("name", [name for name in sorted(SAMPLES) if "str[] paths" in str(overload(name)._schema)])
def test_a_string_is_no_list_of_paths(name: str, tmp_path: Path) -> None:
    args, kwargs = SAMPLES[name](Files(tmp_path))
    with pytest.raises(ValueError, match="pass a list of paths"):
        overload(name)(list("a.fits"), *args[1:], **kwargs)
