scanline_test(runtime_plan SOURCES unit/runtime_plan.c unit/runtime_model.c LIBRARIES scanline_runtime)
