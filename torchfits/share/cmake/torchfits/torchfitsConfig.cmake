# find_package(torchfits) gives the target torchfits::torchfits: the header <torchfits/torchfits.h> and libtorchfits.so,
# and, where the CUDA library was built, torchfits::cuda (link it beside a torch with CUDA). The path to give CMake:
#   python -c "import torchfits; print(torchfits.cmake_prefix_path)"
include(CMakeFindDependencyMacro)
find_dependency(Torch)

get_filename_component(_torchfits_package "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

function(_torchfits_target name library)
  if(TARGET torchfits::${name})
    return()
  endif()
  add_library(torchfits::${name} SHARED IMPORTED)
  set_target_properties(torchfits::${name} PROPERTIES
    IMPORTED_LOCATION "${library}"
    INTERFACE_INCLUDE_DIRECTORIES "${_torchfits_package}/include"
    INTERFACE_LINK_LIBRARIES "${TORCH_LIBRARIES}")
endfunction()

_torchfits_target(torchfits "${_torchfits_package}/lib/libtorchfits.so")
# The operators are reached through torch's dispatcher, not by symbol: without this the linker would drop the library.
target_link_options(torchfits::torchfits INTERFACE "LINKER:--no-as-needed")
if(EXISTS "${_torchfits_package}/lib/libtorchfits_cuda.so")
  _torchfits_target(cuda "${_torchfits_package}/lib/libtorchfits_cuda.so")
  target_link_options(torchfits::cuda INTERFACE "LINKER:--no-as-needed")
endif()
set(torchfits_FOUND TRUE)
