"""Fails when a library of torchfits knows Python or C++ torch, or exports more than torchfits_version.

One build serves every Python 3 and every torch >= 2.10 only while it keeps to C and the LibTorch stable ABI.

    python ci/check_symbols.py torchfits/lib/*.so
"""

import re
import subprocess
import sys

ALLOWED_EXPORTS = {"torchfits_version"}
PYTHON_SYMBOL = re.compile(r"_?Py[A-Z_]")
TORCH_SYMBOL = re.compile(r"(?<![\w:])(c10|at|torch|caffe2)::")
FOREIGN_LIBRARY = re.compile(r"lib(python[\d.]*|torch_python|c10(_cuda)?|cudart)\.so")


def symbols(library: str, which: str) -> list[str]:
    """Names of the dynamic symbols, without their version; `which` is nm's --undefined-only or --defined-only."""
    listing = run("nm", "--dynamic", "--format=posix", which, library)
    return [line.split()[0].split("@")[0] for line in listing.splitlines()]


def needed(library: str) -> list[str]:
    return re.findall(r"\(NEEDED\).*\[(.+)\]", run("readelf", "--dynamic", "--wide", library))


def run(*command: str, stdin: str | None = None) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, input=stdin).stdout


def problems(library: str) -> list[str]:
    """What is wrong with one library, one sentence each."""
    imports = symbols(library, "--undefined-only")
    exports = symbols(library, "--defined-only")
    readable = run("c++filt", stdin="\n".join(imports)).splitlines()
    found = [f"imports the Python symbol {name}" for name in imports if PYTHON_SYMBOL.match(name)]
    found += [f"imports the C++ torch symbol {name}" for name in readable if TORCH_SYMBOL.search(name)]
    found += [f"needs {name}" for name in needed(library) if FOREIGN_LIBRARY.match(name)]
    found += [f"exports {name}" for name in exports if name not in ALLOWED_EXPORTS]
    print(f"{library}: {len(imports)} imports; exports {', '.join(exports) or 'nothing'}")
    print(f"  needs {', '.join(needed(library))}")
    return found


def main(libraries: list[str]) -> int:
    if not libraries:
        print(__doc__)
        return 2
    found = [f"{library} {problem}" for library in libraries for problem in problems(library)]
    for sentence in found:
        print(f"error: {sentence}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
