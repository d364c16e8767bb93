# Modules of GPUs (src/engine/gpu/module.h): loaded when the program runs, so nothing of the program
# needs them.

# On the processor, for tests.  Frame pointers and stack protection stay as everywhere.
file(GLOB EMULATED_SOURCES CONFIGURE_DEPENDS src/engine/gpu/emulated/*.c)
add_library(safeconf_emulated_objects OBJECT ${EMULATED_SOURCES})
target_include_directories(safeconf_emulated_objects PUBLIC include src)
target_link_libraries(safeconf_emulated_objects PUBLIC Threads::Threads m)
if(SAFECONF_FUZZ) # no fuzzer comes here, and what would guide it takes four fifths of the time under sanitizers
  target_compile_options(safeconf_emulated_objects PRIVATE -fno-sanitize=fuzzer-no-link)
endif()
add_library(safeconf_emulated MODULE $<TARGET_OBJECTS:safeconf_emulated_objects>)
target_link_libraries(safeconf_emulated PRIVATE Threads::Threads m)

# On NVIDIA's cards, where a CUDA compiler is.  CMake's own language CUDA is not used: a module has one file
# for nvcc, everything else of it is C, and a toolkit that CMake does not like must not stop the rest.
set(SAFECONF_CUDA AUTO CACHE STRING "The module for NVIDIA's cards: ON, OFF, or AUTO (where nvcc 12 or later is)")
set_property(CACHE SAFECONF_CUDA PROPERTY STRINGS AUTO ON OFF)
# Code of sm_80 also runs on sm_86 to sm_89, and what is later than the last translates its PTX when it is
# first used; a package has more (tools/package-cuda).
set(SAFECONF_CUDA_ARCHITECTURES "80;90" CACHE STRING "Which cards' code the module has: 80 for sm_80, ...")

# Says why there is none; SAFECONF_CUDA=ON must have one.
macro(no_cuda)
  if(SAFECONF_CUDA STREQUAL "ON")
    message(FATAL_ERROR "SAFECONF_CUDA: ${ARGN}")
  endif()
  message(STATUS "No module for NVIDIA's cards: ${ARGN}")
  return()
endmacro()

if(SAFECONF_SANITIZE OR SAFECONF_FUZZ OR CMAKE_CROSSCOMPILING)
  no_cuda("sanitizers, fuzzers and builds for other machines do without")
endif()
if(SAFECONF_CUDA STREQUAL "OFF")
  no_cuda("SAFECONF_CUDA is OFF")
endif()
find_program(CMAKE_CUDA_COMPILER nvcc HINTS ENV CUDACXX ENV CUDA_HOME PATHS /usr/local/cuda PATH_SUFFIXES bin)
if(NOT CMAKE_CUDA_COMPILER)
  no_cuda("nvcc was not found (CMAKE_CUDA_COMPILER names it)")
endif()
execute_process(COMMAND ${CMAKE_CUDA_COMPILER} --version OUTPUT_VARIABLE version ERROR_QUIET)
string(REGEX MATCH "release ([0-9]+)[.]([0-9]+)" version "${version}")
if(NOT version OR CMAKE_MATCH_1 LESS 12)
  no_cuda("${CMAKE_CUDA_COMPILER} is not of CUDA 12 or later")
endif()

get_filename_component(CUDA_ROOT "${CMAKE_CUDA_COMPILER}" REALPATH)
get_filename_component(CUDA_ROOT "${CUDA_ROOT}" DIRECTORY)
get_filename_component(CUDA_ROOT "${CUDA_ROOT}" DIRECTORY)
set(target targets/${CMAKE_SYSTEM_PROCESSOR}-linux)
find_path(CUDA_INCLUDE cuda_runtime_api.h HINTS ${CUDA_ROOT} ${CUDA_ROOT}/${target} PATH_SUFFIXES include)
find_library(CUDART_STATIC cudart_static HINTS ${CUDA_ROOT} ${CUDA_ROOT}/${target} PATH_SUFFIXES lib64 lib)
if(NOT CUDA_INCLUDE OR NOT CUDART_STATIC)
  no_cuda("the runtime of ${CMAKE_CUDA_COMPILER} was not found (cuda_runtime_api.h, libcudart_static.a)")
endif()
message(STATUS "Module for NVIDIA's cards: nvcc of CUDA ${CMAKE_MATCH_1}.${CMAKE_MATCH_2}, "
               "sm_${SAFECONF_CUDA_ARCHITECTURES}")

set(codes "")
foreach(architecture IN LISTS SAFECONF_CUDA_ARCHITECTURES)
  list(APPEND codes -gencode arch=compute_${architecture},code=sm_${architecture})
endforeach()
list(GET SAFECONF_CUDA_ARCHITECTURES -1 newest)
list(APPEND codes -gencode arch=compute_${newest},code=compute_${newest})
# Whether all of it works together: nvcc wants a C++ compiler of ours that it knows.
find_program(CUDA_HOST_COMPILER NAMES g++ c++)
if(NOT CUDA_HOST_COMPILER)
  no_cuda("nvcc wants a C++ compiler (g++)")
endif()
set(tried "${CMAKE_CUDA_COMPILER} ${CUDA_HOST_COMPILER} ${codes}")
if(NOT "${SAFECONF_CUDA_TRIED}" STREQUAL "${tried}")
  file(WRITE ${CMAKE_BINARY_DIR}/try_cuda.cu "#include <cuda_runtime_api.h>\n__global__ void nothing() {}\n")
  execute_process(COMMAND ${CMAKE_CUDA_COMPILER} ${codes} -ccbin ${CUDA_HOST_COMPILER}
                          -c ${CMAKE_BINARY_DIR}/try_cuda.cu -o ${CMAKE_BINARY_DIR}/try_cuda.o
                  RESULT_VARIABLE failed OUTPUT_VARIABLE said ERROR_VARIABLE said)
  if(failed)
    string(REGEX REPLACE "\n.*" "" said "${said}")
    no_cuda("${CMAKE_CUDA_COMPILER} does not work: ${said}")
  endif()
  set(SAFECONF_CUDA_TRIED "${tried}" CACHE INTERNAL "")
endif()
# As in the rest of the project nothing is fused that does not say so.  What nvcc makes for the host is a
# table of kernels and, for each, a function that starts it, which nobody calls: the module starts kernels
# by the table, so that nothing here needs C++'s library.
set(KERNELS ${CMAKE_BINARY_DIR}/gpu_kernels.o)
set(warnings -Xcompiler=-Wall,-Wextra)
if(SAFECONF_WERROR)
  list(APPEND warnings -Werror=all-warnings)
endif()
add_custom_command(
  OUTPUT ${KERNELS}
  COMMAND ${CMAKE_CUDA_COMPILER} -std=c++17 -O3 --fmad=false -lineinfo ${codes} --threads 0
          -ccbin ${CUDA_HOST_COMPILER} -I${CMAKE_SOURCE_DIR}/include -I${CMAKE_SOURCE_DIR}/src ${warnings}
          -Xcompiler=-O2,-fPIC,-fno-exceptions,-fno-threadsafe-statics,-fvisibility=hidden,-fstack-protector-strong
          -MD -MF ${KERNELS}.d -MT ${KERNELS}
          -c ${CMAKE_SOURCE_DIR}/src/engine/gpu/cuda/kernels.cu -o ${KERNELS}
  DEPENDS src/engine/gpu/cuda/kernels.cu
  DEPFILE ${KERNELS}.d
  COMMENT "Building the kernels for NVIDIA's cards"
  VERBATIM)
file(GLOB CUDA_SOURCES CONFIGURE_DEPENDS src/engine/gpu/cuda/*.c)
add_library(safeconf_cuda MODULE ${CUDA_SOURCES} ${KERNELS})
set_source_files_properties(${KERNELS} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
target_include_directories(safeconf_cuda PRIVATE include src)
target_include_directories(safeconf_cuda SYSTEM PRIVATE ${CUDA_INCLUDE})
target_link_libraries(safeconf_cuda PRIVATE ${CUDART_STATIC} Threads::Threads rt ${CMAKE_DL_LIBS})
target_link_options(safeconf_cuda PRIVATE -Wl,--exclude-libs,ALL -Wl,-z,defs)
install(TARGETS safeconf_cuda DESTINATION ${CMAKE_INSTALL_LIBDIR}/safeconf)
