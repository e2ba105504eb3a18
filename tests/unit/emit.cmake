# Compiles kernel bodies and compares them with the interpreter.
add_library(scanline_kernel_harness STATIC unit/kernel_harness.c unit/packing.c)
target_link_libraries(scanline_kernel_harness PUBLIC scanline_passes)

scanline_test(emit_contract SOURCES unit/emit_contract.c LIBRARIES scanline_kernel_harness)
scanline_test(emit_amx SOURCES unit/emit_amx.c LIBRARIES scanline_kernel_harness)
scanline_test(emit_compress SOURCES unit/emit_compress.c LIBRARIES scanline_kernel_harness)
scanline_test(emit_repack SOURCES unit/emit_repack.c LIBRARIES scanline_kernel_harness)
scanline_test(emit_attention SOURCES unit/emit_attention.c LIBRARIES scanline_kernel_harness)
scanline_test(emit_attention_shared SOURCES unit/emit_attention_shared.c
  LIBRARIES scanline_kernel_harness)
scanline_test(emit_attention_row SOURCES unit/emit_attention_row.c
  LIBRARIES scanline_kernel_harness)
scanline_test(emit_rows SOURCES unit/emit_rows.c
  LIBRARIES scanline_kernel_harness scanline_op_samples)
scanline_test(passes_fuse SOURCES unit/passes_fuse.c
  LIBRARIES scanline_kernel_harness scanline_passes_support scanline_op_samples)
scanline_test(passes_explain SOURCES unit/passes_explain.c
  LIBRARIES scanline_passes scanline_passes_support)
scanline_test(emit_lines SOURCES unit/emit_lines.c unit/compiled_training.c
  LIBRARIES scanline_passes scanline_frontend)
scanline_test(emit_math SOURCES unit/emit_math.c LIBRARIES scanline_kernel_harness)
scanline_test(passes_remat SOURCES unit/passes_remat.c
  LIBRARIES scanline_passes scanline_passes_support)
