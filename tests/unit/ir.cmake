# What tests of any folder draw as sources of ops.
add_library(scanline_op_samples STATIC unit/op_samples.c)
target_link_libraries(scanline_op_samples PUBLIC scanline_ir)

scanline_test(ir_samples SOURCES unit/ir_samples.c LIBRARIES scanline_op_samples)
