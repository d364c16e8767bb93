# What Debian wants in a package beside what is installed elsewhere; CPack runs this on the staged tree.
set(doc ${CPACK_TEMPORARY_DIRECTORY}/usr/share/doc/safeconf)

# Reproducible gzip: no name, no time.
function(compress)
  execute_process(COMMAND gzip -9nf ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(RENAME ${doc}/CHANGELOG.md ${doc}/changelog)
string(TIMESTAMP now "%s" UTC)
if(DEFINED ENV{SOURCE_DATE_EPOCH})
  set(now $ENV{SOURCE_DATE_EPOCH})
endif()
execute_process(COMMAND date -u -R -d @${now} OUTPUT_VARIABLE date OUTPUT_STRIP_TRAILING_WHITESPACE
  COMMAND_ERROR_IS_FATAL ANY)
file(WRITE ${doc}/changelog.Debian "safeconf (${CPACK_PACKAGE_VERSION}-1) unstable; urgency=medium

  * What changed is in changelog.gz.

 -- ${CPACK_PACKAGE_CONTACT}  ${date}
")
file(REMOVE ${doc}/LICENSE)
file(WRITE ${doc}/copyright "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: safeconf

Files: *
Copyright: 2026 The safeconf authors
License: Apache-2.0
 On Debian systems the full text of the Apache License, version 2.0, is in
 /usr/share/common-licenses/Apache-2.0.
Comment:
 The program and its library are linked with the GNU Scientific Library, which is
 under the GNU General Public License, version 3 or later: who passes on both
 together keeps that license's terms as well. All that they are linked with, and
 under which licenses, is in safeconf.spdx.json.
")
# What it is made of, by the packages of the system that it is built on.
file(GLOB libraries ${CPACK_TEMPORARY_DIRECTORY}/usr/lib/*/libsafeconf.so.*.*)
execute_process(COMMAND ${CMAKE_CURRENT_LIST_DIR}/../tools/make-sbom --output ${doc}/safeconf.spdx.json
  ${CPACK_TEMPORARY_DIRECTORY}/usr/bin/safeconf ${libraries} COMMAND_ERROR_IS_FATAL ANY)
file(GLOB pages ${CPACK_TEMPORARY_DIRECTORY}/usr/share/man/man1/*.1)
compress(${doc}/changelog ${doc}/changelog.Debian ${pages})

file(GLOB_RECURSE archives ${CPACK_TEMPORARY_DIRECTORY}/usr/lib/*.a)
execute_process(COMMAND strip --strip-debug --enable-deterministic-archives ${archives} COMMAND_ERROR_IS_FATAL ANY)
