# Builds for AArch64 Linux on another machine; tools/check-aarch64 uses it and fills the sysroot.
#
#   cmake -S . -B BUILD -DCMAKE_TOOLCHAIN_FILE=cmake/aarch64-linux-gnu.cmake -DSAFECONF_SYSROOT=FOLDER
#
# The sysroot holds Debian's arm64 packages unpacked.  Tests run in qemu's emulation of a user's
# process; the environment's QEMU_CPU names the processor (all that qemu can do when there is none).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc CACHE STRING "C compiler")

set(SAFECONF_SYSROOT "" CACHE PATH "Folder with the libraries for AArch64")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES SAFECONF_SYSROOT)
set(CMAKE_SYSROOT "${SAFECONF_SYSROOT}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} "${SAFECONF_SYSROOT}")
set(ENV{PKG_CONFIG_LIBDIR} "${SAFECONF_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig")

set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L "${SAFECONF_SYSROOT}")
