"""ci/check_symbols.py: passes on our libraries, and fails on libraries that break each of its rules."""

import subprocess
import sys
from pathlib import Path

import pytest

from torchfits._library import CUDA_LIBRARY, LIBRARY

CHECK = Path(__file__).parents[1] / "ci" / "check_symbols.py"


def check(library: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, CHECK, library], capture_output=True, text=True)


@pytest.mark.parametrize("library", [path for path in (LIBRARY, CUDA_LIBRARY) if path.exists()], ids=lambda p: p.name)
def test_libraries_know_no_python_and_no_cxx_torch(library):
    checked = check(library)
    assert checked.returncode == 0, checked.stderr


BAD = [
    ('extern "C" int Py_IsInitialized(); HIDDEN int f() { return Py_IsInitialized(); }', "Python symbol Py_IsInit"),
    ('extern "C" void _Py_Dealloc(void*); HIDDEN void f() { _Py_Dealloc(nullptr); }', "Python symbol _Py_Dealloc"),
    ("namespace at { void g(int); } HIDDEN void f() { at::g(1); }", "C++ torch symbol at::g(int)"),
    ("namespace c10 { struct Error { Error(); }; } HIDDEN void f() { c10::Error(); }", "C++ torch symbol c10::Error"),
    ("namespace torch::jit { void load(); } HIDDEN void f() { torch::jit::load(); }", "symbol torch::jit::load()"),
    ("int fits_open_file(int x) { return x; }", "exports _Z14fits_open_filei"),
]


@pytest.mark.parametrize("source, sentence", BAD, ids=[sentence.split()[-1] for _, sentence in BAD])
def test_a_library_that_breaks_a_rule_fails(source, sentence, tmp_path):
    library = tmp_path / "libbad.so"
    source = f'#define HIDDEN __attribute__((visibility("hidden"), used))\n{source}\n'
    subprocess.run(["c++", "-shared", "-fPIC", "-xc++", "-", "-o", library], input=source, text=True, check=True)
    checked = check(library)
    assert checked.returncode == 1
    assert sentence in checked.stderr


def test_a_library_linked_to_python_fails(tmp_path):
    # The soname decides what a library is recorded to need.
    python, library = tmp_path / "libpython3.so", tmp_path / "libbad.so"
    subprocess.run(["c++", "-shared", "-xc++", "/dev/null", "-Wl,-soname,libpython3.so.1.0", "-o", python], check=True)
    subprocess.run(
        ["c++", "-shared", "-Wl,--no-as-needed", "-xc++", "/dev/null", "-xnone", python, "-o", library], check=True
    )
    checked = check(library)
    assert checked.returncode == 1
    assert "needs libpython3.so.1.0" in checked.stderr
