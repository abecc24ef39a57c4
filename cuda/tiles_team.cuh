// Threads that share one piece of work on tiles: a CUDA block, or on the host one thread that plays all of them, so
// that tests/cpp/test_cuda_tiles.cpp runs the kernels' bodies without a GPU.
//
// A body is steps, each followed by a barrier: each(n, f) calls f(i) for all i < n in any order, once(f) calls f in one
// thread. What threads tell each other goes through memory that the whole team sees, between steps.
#pragma once

#include <cstdint>

#include "format/pixel.h"

// Bodies run on the device, and where there is no CUDA compiler on the host.
#if defined(__CUDACC__)
#define FITS_KERNEL_BODY __device__ inline
#else
#define FITS_KERNEL_BODY inline
#endif

namespace fits {

#if defined(__CUDACC__)

struct BlockTeam {
  // What each thread has of its own, by the thread's number.
  template <class T>
  struct Own {
    T value;
    __device__ T& operator[](int) { return value; }
  };

  __device__ int size() const { return static_cast<int>(blockDim.x); }
  template <class F>
  __device__ void each(std::int64_t count, const F& f) const {
    // Of a count that fits them 32 bits: 64-bit counters cost short loops dearly.
    if (count <= INT32_MAX / 2) {
      for (int i = threadIdx.x; i < static_cast<int>(count); i += blockDim.x) f(i);
    } else {
      for (std::int64_t i = threadIdx.x; i < count; i += blockDim.x) f(i);
    }
    __syncthreads();
  }
  // f(number) in each thread.
  template <class F>
  __device__ void all(const F& f) const {
    f(static_cast<int>(threadIdx.x));
    __syncthreads();
  }
  // The same of pixels that nobody waits for.
  template <class F>
  __device__ void all_apart(const F& f) const {
    f(static_cast<int>(threadIdx.x));
  }
  template <class F>
  __device__ void once(const F& f) const {
    if (threadIdx.x == 0) f();
    __syncthreads();
  }
};

#else

// `backward`: in the opposite order, which must make no difference.
struct SerialTeam {
  static constexpr int kMost = 256;
  template <class T>
  struct Own {
    T values[kMost];
    T& operator[](int thread) { return values[thread]; }
  };

  int threads = 1;
  bool backward = false;

  int size() const { return threads; }
  template <class F>
  void each(std::int64_t count, const F& f) const {
    for (std::int64_t i = 0; i < count; ++i) f(backward ? count - 1 - i : i);
  }
  template <class F>
  void all(const F& f) const {
    for (int i = 0; i < threads; ++i) f(backward ? threads - 1 - i : i);
  }
  template <class F>
  void all_apart(const F& f) const {
    all(f);
  }
  template <class F>
  void once(const F& f) const {
    f();
  }
};

#endif

}  // namespace fits
