# The Debian package: tools/package, or `cmake --build build --target package`.  One package: program, models,
# library, headers, man pages, completions, documentation.  What it depends on is read off the binaries.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME safeconf)
set(CPACK_PACKAGE_VENDOR "The safeconf authors")
# A package must name an address; the domain says that this is none (SECURITY.md says how to report).
set(CPACK_PACKAGE_CONTACT "The safeconf authors <noreply@safeconf.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "how firmly a language model refuses, and how sure it is")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
  "Samples many answers to every prompt of a safety benchmark, measures the
model's confidence in each from its token log-probabilities, finds refusals,
stops early where a rule justifies it, and reports with intervals where the
boundary is firm and where it wavers. With a CPU engine of its own, a small
demonstration model, a C library and its headers.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
file(WRITE ${CMAKE_BINARY_DIR}/triggers "activate-noawait ldconfig\n")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_BINARY_DIR}/triggers)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "python3")
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/cmake/package_files.cmake)
include(CPack)
