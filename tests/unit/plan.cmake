scanline_test(passes_memory SOURCES unit/passes_memory.c LIBRARIES scanline_passes)
scanline_test(passes_cache SOURCES unit/passes_cache.c LIBRARIES scanline_passes)
scanline_test(passes_canonical SOURCES unit/passes_canonical.c LIBRARIES scanline_passes)
