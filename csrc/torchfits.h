// The C face of libtorchfits.so. The operators themselves are reached through torch's dispatcher; a C++ program calls
// this function once, so that the linker keeps the library and its operators are registered when the program starts.
#ifndef TORCHFITS_H_
#define TORCHFITS_H_

// The one place where the version is written: setup.py, CMake and torchfits.__version__ read it from here.
#define TORCHFITS_VERSION "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

// The version of the library that is loaded (TORCHFITS_VERSION is that of the header that was compiled against).
__attribute__((visibility("default"))) const char* torchfits_version(void);

#ifdef __cplusplus
}
#endif

#endif  // TORCHFITS_H_
