# The version is written once, in torchfits.h.
file(STRINGS "${CMAKE_CURRENT_LIST_DIR}/../../../include/torchfits/torchfits.h" _torchfits_line
  REGEX "define TORCHFITS_VERSION")
string(REGEX REPLACE ".*\"(.*)\".*" "\\1" PACKAGE_VERSION "${_torchfits_line}")
if(PACKAGE_VERSION VERSION_GREATER_EQUAL PACKAGE_FIND_VERSION)
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
  if(PACKAGE_VERSION VERSION_EQUAL PACKAGE_FIND_VERSION)
    set(PACKAGE_VERSION_EXACT TRUE)
  endif()
endif()
