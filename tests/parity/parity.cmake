scanline_test(parity_interpreted SOURCES parity/interpreted.c parity/reference.c
  LIBRARIES scanline_frontend scanline_graph_passes)
scanline_test(parity_compiled SOURCES parity/compiled.c parity/reference.c
  LIBRARIES scanline_frontend scanline_passes)
scanline_test(parity_interchange SOURCES parity/interchange.c LIBRARIES scanline_frontend scanline_passes scanline_runtime)
