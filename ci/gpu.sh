#!/usr/bin/env bash
# What a machine with a GPU is for, in two halves, because such a machine may have neither compiler nor network.
# NOT YET RUN ON A GPU: written beside the CUDA sources, tried only as far as a machine without one goes.
#
#   bash ci/gpu.sh build     where nvcc is: the wheel, the tests, the benchmarks and the real files into dist/gpu.tar
#   bash ci/gpu.sh run       where the GPU is, in the unpacked folder: CUDA tests, again under compute-sanitizer, and the
#                            GPU benchmarks; results in bench/results/
#
# `run` needs a Python with a CUDA build of torch >= 2.10, numpy, astropy, fitsio, pytest, hypothesis and expecttest; PYTHON
# names it. The driver must be at least as new as the CUDA that nvcc came from, whose runtime is linked in.
set -euo pipefail

build() {
  source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
  if [[ ! -f torchfits/lib/libtorchfits_cuda.so ]]; then
    echo "no CUDA library was built: nvcc is needed (CUDA_HOME names another place than /usr/local/cuda)" >&2
    exit 1
  fi
  bash ci/wheel.sh
  step "dist/gpu.tar"
  local folder="$ROOT/build/gpu"
  rm -rf "$folder"
  mkdir -p "$folder/real"
  TORCHFITS_TEST_CACHE="$folder/real" python tests/real_files.py --quiet
  cp -r dist/*.whl ci tests bench csrc cuda pyproject.toml "$folder"
  tar -C "$folder" -cf dist/gpu.tar .
  ls -l dist/gpu.tar
}

run() {
  cd "$(dirname "${BASH_SOURCE[0]}")/.."
  local python="${PYTHON:-python3}"
  "$python" -c 'import torch; assert torch.cuda.is_available(), "torch sees no GPU here"'
  nvidia-smi
  # Beside whatever is installed; the wheel's files alone, so that nothing is downloaded.
  "$python" -m pip install --no-index --no-deps --force-reinstall --target build/installed ./*.whl
  export PYTHONPATH="$PWD/build/installed:$PWD" TORCHFITS_TEST_CACHE="$PWD/real"
  "$python" -c 'import torchfits; from torchfits._library import CUDA_LIBRARY as c; assert c.exists(), c; print(torchfits.__version__)'

  echo "== tests, on the CPU and the GPU"
  "$python" -m pytest tests -k cuda
  if command -v compute-sanitizer >/dev/null; then
    local tool
    for tool in memcheck racecheck initcheck synccheck; do
      echo "== tests under compute-sanitizer $tool"
      # torch's caching allocator would hide reads past the end of a tensor.
      PYTORCH_NO_CUDA_MEMORY_CACHING=1 compute-sanitizer --tool "$tool" --error-exitcode 9 --target-processes all \
        "$python" -m pytest tests -k cuda -x
    done
  else
    echo "compute-sanitizer is not here (it comes with the CUDA toolkit): the tests were not repeated under it"
  fi
  echo "== benchmarks"
  "$python" -m bench cuda --output bench/results
}

case "${1:-}" in
  build | run) "$1" ;;
  *) echo "usage: bash ci/gpu.sh build|run" >&2 && exit 2 ;;
esac
