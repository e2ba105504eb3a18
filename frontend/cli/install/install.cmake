# What `cmake --install` puts where. Folders add what is theirs:
#
#   scanline_install_header(FILE...)     for C code outside of this project: include/scanline/
#   scanline_install_archive(FILE...)    what programs that scanline makes are linked of, which it finds beside itself:
#                                        lib/scanline/ (no folder of the architecture's: ../lib/scanline of bin/)
#
# Two components, which are two packages: scanline, and mpi, the library that training on several ranks opens.
include(GNUInstallDirs)
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME scanline)
set(SCANLINE_ARCHIVE_DIR lib/scanline)
set(SCANLINE_MODELS_DIR ${CMAKE_INSTALL_DATADIR}/scanline/models)

function(scanline_install_header)
  install(FILES ${ARGN} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/scanline)
endfunction()

function(scanline_install_archive)
  install(FILES ${ARGN} DESTINATION ${SCANLINE_ARCHIVE_DIR})
endfunction()

# The specs and maps are part of the program; these are for reading, and to start from.
function(scanline_install_models)
  file(GLOB models CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/models/*.scan ${CMAKE_SOURCE_DIR}/models/*.map)
  install(FILES ${models} ${CMAKE_SOURCE_DIR}/models/README.md DESTINATION ${SCANLINE_MODELS_DIR})
endfunction()

# The words that completion and the manual know, by the table of commands.
function(scanline_command_names result)
  set(table ${CMAKE_SOURCE_DIR}/frontend/cli/commands.def)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${table})
  file(STRINGS ${table} lines REGEX "^COMMAND\\(")
  list(TRANSFORM lines REPLACE "^COMMAND\\(([a-z_]+),.*" "\\1")
  list(JOIN lines " " names)
  set(${result} "${names}" PARENT_SCOPE)
endfunction()

function(scanline_install_texts)
  set(made ${CMAKE_BINARY_DIR}/install)
  # --prefix and packages may put it elsewhere than it was configured for: no text has the prefix in it.
  file(RELATIVE_PATH SCANLINE_PREFIX_FROM_PC /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
  scanline_command_names(SCANLINE_COMMANDS)
  foreach(file scanline.1 scanline.bash scanline.pc)
    configure_file(${CMAKE_SOURCE_DIR}/frontend/cli/install/${file}.in ${made}/${file} @ONLY)
  endforeach()
  install(FILES ${made}/scanline.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  install(FILES ${made}/scanline.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME scanline)
  install(FILES ${made}/scanline.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
  install(FILES ${CMAKE_SOURCE_DIR}/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
  install(FILES ${CMAKE_SOURCE_DIR}/frontend/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME language.md)
  install(FILES ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)
endfunction()
