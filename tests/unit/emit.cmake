# Compiles kernel bodies and compares them with the interpreter.
add_library(scanline_kernel_harness STATIC unit/kernel_harness.c)
target_link_libraries(scanline_kernel_harness PUBLIC scanline_passes)

