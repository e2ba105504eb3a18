scanline_test(runtime_data SOURCES unit/runtime_data.c LIBRARIES scanline_runtime)
scanline_test(runtime_safetensors SOURCES unit/runtime_safetensors.c LIBRARIES scanline_runtime)
scanline_test(runtime_probe SOURCES unit/runtime_probe.c LIBRARIES scanline_runtime)
scanline_test(runtime_schedule SOURCES unit/runtime_schedule.c LIBRARIES scanline_runtime)
