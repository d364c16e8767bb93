# What the Python package needs of the library: the public declarations as plain text, and an
# installation that goes into a wheel (component python; pyproject.toml).

# The headers after the preprocessor, without the system's: what cffi reads.  It knows bool, size_t and
# the integers by itself.
set(empty ${CMAKE_BINARY_DIR}/empty_headers)
foreach(header stdbool stddef stdint)
  file(WRITE ${empty}/${header}.h "")
endforeach()
file(GLOB public_headers CONFIGURE_DEPENDS include/safeconf/*.h)
set(SAFECONF_DECLARATIONS ${CMAKE_BINARY_DIR}/safeconf_declarations.h)
add_custom_command(
  OUTPUT ${SAFECONF_DECLARATIONS}
  COMMAND ${CMAKE_C_COMPILER} -E -P -nostdinc -undef -I${empty} -I${CMAKE_SOURCE_DIR}/include
          ${CMAKE_SOURCE_DIR}/include/safeconf/safeconf.h -o ${SAFECONF_DECLARATIONS}
  DEPENDS ${public_headers}
  VERBATIM)
add_custom_target(safeconf_declarations ALL DEPENDS ${SAFECONF_DECLARATIONS})
add_dependencies(safeconf_shared safeconf_declarations)

# Links do not survive in a wheel, so the library goes by its plain name.
set(native _native)
install(FILES $<TARGET_FILE:safeconf_shared> DESTINATION ${native} RENAME libsafeconf.so
        COMPONENT python EXCLUDE_FROM_ALL)
install(FILES ${SAFECONF_DECLARATIONS} DESTINATION ${native} COMPONENT python EXCLUDE_FROM_ALL)
install(PROGRAMS $<TARGET_FILE:safeconf> DESTINATION ${native} COMPONENT python EXCLUDE_FROM_ALL)
install(DIRECTORY models DESTINATION ${native} COMPONENT python EXCLUDE_FROM_ALL)
if(TARGET safeconf_cuda) # the library looks beside itself
  install(TARGETS safeconf_cuda DESTINATION ${native} COMPONENT python EXCLUDE_FROM_ALL)
endif()

# What the wheel is made of, where PEP 770 has it; of the packages of the system that it is built on, where those are
# Debian's.  A wheel for other machines, which brings libraries along, gets a list of these beside it (auditwheel).
find_program(DPKG_QUERY dpkg-query)
if(DPKG_QUERY AND SKBUILD_METADATA_DIR)
  install(CODE "
    execute_process(COMMAND \"${CMAKE_SOURCE_DIR}/tools/make-sbom\" --output \"${CMAKE_BINARY_DIR}/safeconf.spdx.json\"
      \"$<TARGET_FILE:safeconf>\" \"$<TARGET_FILE:safeconf_shared>\" RESULT_VARIABLE failed)
    if(failed) # a library of one's own: the package is none the worse
      message(WARNING \"the wheel has no list of what it is made of\")
    else()
      file(INSTALL \"${CMAKE_BINARY_DIR}/safeconf.spdx.json\" DESTINATION \"${SKBUILD_METADATA_DIR}/sboms\")
    endif()" COMPONENT python EXCLUDE_FROM_ALL)
endif()
