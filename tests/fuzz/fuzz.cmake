# Fuzz drivers: a few seconds of the same mutations every time.
add_executable(fuzz_ir_text fuzz/ir_text.c fuzz/mutate.c)
target_link_libraries(fuzz_ir_text PRIVATE scanline_op_samples)
add_test(NAME fuzz_ir_text COMMAND fuzz_ir_text)
