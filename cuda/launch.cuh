// Launching a kernel: the tensor's device, torch's current stream on it, and what went wrong.
#pragma once

#include <cuda_runtime.h>
#include <torch/csrc/inductor/aoti_torch/c/shim.h>
#include <torch/csrc/stable/accelerator.h>

#include "ops/tensor.h"

namespace fits::ops {

// Makes the device of `tensor` current while it lives, and knows the stream that torch would use there.
class Launch {
 public:
  Launch(const Tensor& tensor, const char* who) : who_(who), guard_(tensor.get_device_index()) {
    void* stream = nullptr;
    if (aoti_torch_get_current_cuda_stream(tensor.get_device_index(), &stream) != 0) {
      throw std::runtime_error(sentence(who, ": torch gave no CUDA stream for device ", tensor.get_device_index()));
    }
    stream_ = static_cast<cudaStream_t>(stream);
  }

  // Runs kernel(arguments...) on `threads` threads at least, in blocks of kBlock; the kernel checks its bounds.
  template <class... Parameters>
  void operator()(void (*kernel)(Parameters...), std::int64_t threads, Parameters... arguments) const {
    if (threads <= 0) return;
    blocks(kernel, (threads + kBlock - 1) / kBlock, kBlock, arguments...);
  }

  // Runs it in `count` blocks of `threads` threads.
  template <class... Parameters>
  void blocks(void (*kernel)(Parameters...), std::int64_t count, int threads, Parameters... arguments) const {
    if (count <= 0) return;
    require(count <= INT32_MAX, who_, ": the tensor is too large for one launch");
    kernel<<<static_cast<unsigned>(count), static_cast<unsigned>(threads), 0, stream_>>>(arguments...);
    check(cudaGetLastError(), "the CUDA kernel did not start");
  }

  // Fills `size` bytes with zeros.
  void clear(void* bytes, std::size_t size) const {
    if (size > 0) check(cudaMemsetAsync(bytes, 0, size, stream_), "the CUDA memset did not start");
  }

  void check(cudaError_t error, const char* what) const {
    if (error != cudaSuccess) throw std::runtime_error(sentence(who_, ": ", what, ": ", cudaGetErrorString(error)));
  }

 private:
  static constexpr int kBlock = 256;
  const char* who_;
  torch::stable::accelerator::DeviceGuard guard_;
  cudaStream_t stream_ = nullptr;
};

}  // namespace fits::ops
