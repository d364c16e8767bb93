# Man pages and shell completions: the program writes them itself (src/cli/documentation.h).  Where the
# program is for another machine and cannot run here, they are left out, unless SAFECONF_HOST_PROGRAM
# names a safeconf of the same version that can.
set(SAFECONF_DATE 2026-11-28 CACHE STRING "Date at the foot of the man pages, YYYY-MM-DD")
set(SAFECONF_HOST_PROGRAM "" CACHE FILEPATH "A safeconf that runs here, when building for another machine")
set(SAFECONF_ZSH_DIR ${CMAKE_INSTALL_DATADIR}/zsh/site-functions CACHE STRING
    "Where zsh's completions are installed, below the prefix")

if(CMAKE_CROSSCOMPILING AND NOT SAFECONF_HOST_PROGRAM)
  message(STATUS "No man pages and completions: SAFECONF_HOST_PROGRAM is not set")
  return()
endif()

set(documents ${CMAKE_BINARY_DIR}/documentation)
set(writer safeconf)
if(SAFECONF_HOST_PROGRAM)
  set(writer ${SAFECONF_HOST_PROGRAM})
endif()
add_custom_command(OUTPUT ${documents}/done
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${documents}
  COMMAND ${writer} documentation ${documents} ${SAFECONF_DATE}
  COMMAND ${CMAKE_COMMAND} -E touch ${documents}/done
  DEPENDS safeconf VERBATIM)
add_custom_target(documentation ALL DEPENDS ${documents}/done)

install(DIRECTORY ${documents}/man/man1 DESTINATION ${CMAKE_INSTALL_MANDIR})
install(FILES ${documents}/bash/safeconf DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${documents}/zsh/_safeconf DESTINATION ${SAFECONF_ZSH_DIR})
install(FILES ${documents}/fish/safeconf.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
