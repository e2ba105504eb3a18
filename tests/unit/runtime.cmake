scanline_test(runtime_data SOURCES unit/runtime_data.c LIBRARIES scanline_runtime)
