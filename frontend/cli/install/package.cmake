# `cpack` in the build folder makes scanline_VERSION_ARCHITECTURE.deb: what `cmake --install` puts under /usr, stripped; and, so
# that nobody else has to have MPI, scanline-mpi_VERSION_ARCHITECTURE.deb. What they depend on is asked of the packages that their
# libraries are from.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_CONTACT "The scanline authors <scanline@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL scanline)
set(CPACK_DEBIAN_SCANLINE_PACKAGE_NAME scanline)
if(TARGET scanline_mpi)
  list(APPEND CPACK_COMPONENTS_ALL mpi)
  set(CPACK_DEBIAN_MPI_PACKAGE_NAME scanline-mpi)
  set(CPACK_DEBIAN_MPI_PACKAGE_DEPENDS "scanline (= ${PROJECT_VERSION}), openmpi-bin")
  set(CPACK_COMPONENT_MPI_DESCRIPTION "Training on several ranks, for scanline")
endif()
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON) # by dpkg-shlibdeps, of dpkg-dev
set(CPACK_DEBIAN_SCANLINE_PACKAGE_RECOMMENDS "gcc, libc6-dev") # programs that are compiled ahead of time are linked by it
set(CPACK_VERBATIM_VARIABLES ON)
include(CPack)
