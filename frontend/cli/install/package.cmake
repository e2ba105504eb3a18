# `cpack` in the build folder makes scanline_VERSION_ARCHITECTURE.deb: what `cmake --install` puts under /usr, stripped. What it
# depends on is asked of the packages that the program's libraries are from.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_CONTACT "The scanline authors <scanline@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON) # by dpkg-shlibdeps, of dpkg-dev
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "gcc, libc6-dev") # programs that are compiled ahead of time are linked by it
set(CPACK_VERBATIM_VARIABLES ON)
include(CPack)
