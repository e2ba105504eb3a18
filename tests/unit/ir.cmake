# What tests of any folder draw as sources of ops.
add_library(scanline_op_samples STATIC unit/op_samples.c)
target_link_libraries(scanline_op_samples PUBLIC scanline_ir)

scanline_test(ir_samples SOURCES unit/ir_samples.c LIBRARIES scanline_op_samples)
scanline_test(ir_axes SOURCES unit/ir_axes.c LIBRARIES scanline_ir)
scanline_test(ir_shape SOURCES unit/ir_shape.c unit/ir_support.c LIBRARIES scanline_ir)
scanline_test(ir_text SOURCES unit/ir_text.c unit/ir_support.c LIBRARIES scanline_ir)
scanline_test(ir_verify SOURCES unit/ir_verify.c unit/ir_support.c LIBRARIES scanline_ir)
scanline_test(ir_philox SOURCES unit/ir_philox.c unit/ir_support.c LIBRARIES scanline_ir)
scanline_test(ir_interpret SOURCES unit/ir_interpret.c unit/ir_support.c LIBRARIES scanline_ir)
scanline_test(ir_attention SOURCES unit/ir_attention.c unit/ir_support.c LIBRARIES scanline_op_samples)
scanline_test(ir_call SOURCES unit/ir_call.c unit/ir_support.c LIBRARIES scanline_ir)
scanline_test(ir_memory SOURCES unit/ir_memory.c LIBRARIES scanline_ir)
