scanline_test(runtime_plan SOURCES unit/runtime_plan.c unit/runtime_model.c LIBRARIES scanline_runtime)
scanline_test(runtime_trainer SOURCES unit/runtime_trainer.c unit/runtime_model.c LIBRARIES scanline_runtime)
