# Fuzz drivers: a few seconds of the same mutations every time.
add_executable(fuzz_ir_text fuzz/ir_text.c fuzz/mutate.c)
target_link_libraries(fuzz_ir_text PRIVATE scanline_op_samples)
add_test(NAME fuzz_ir_text COMMAND fuzz_ir_text)
add_executable(fuzz_spec fuzz/spec.c fuzz/mutate.c golden/case_file.c)
target_link_libraries(fuzz_spec PRIVATE scanline_frontend)
target_compile_definitions(fuzz_spec PRIVATE SCANLINE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
add_test(NAME fuzz_spec COMMAND fuzz_spec)
