# What the tests of passes share.
add_library(scanline_passes_support STATIC unit/passes_support.c unit/passes_random.c
  unit/passes_models.c)
target_link_libraries(scanline_passes_support PUBLIC scanline_graph_passes PkgConfig::CRITERION)

scanline_test(passes_gradients SOURCES unit/passes_gradients.c
  LIBRARIES scanline_passes_support scanline_op_samples)
scanline_test(passes_simplify SOURCES unit/passes_simplify.c LIBRARIES scanline_passes_support)
scanline_test(passes_attention SOURCES unit/passes_attention.c LIBRARIES scanline_passes_support)
scanline_test(passes_derive SOURCES unit/passes_derive.c LIBRARIES scanline_passes_support)
scanline_test(passes_decode_split SOURCES unit/passes_decode_split.c
  LIBRARIES scanline_passes_support scanline_passes)
scanline_test(passes_decode SOURCES unit/passes_decode.c unit/lower_support.c unit/frontend_support.c
  LIBRARIES scanline_passes_support scanline_frontend)
scanline_test(passes_specs SOURCES unit/passes_specs.c
  LIBRARIES scanline_passes_support scanline_frontend)
scanline_test(passes_layout SOURCES unit/passes_layout.c LIBRARIES scanline_passes_support)
scanline_test(passes_precision SOURCES unit/passes_precision.c
  LIBRARIES scanline_passes_support scanline_passes)
scanline_test(passes_call SOURCES unit/passes_call.c
  LIBRARIES scanline_passes_support scanline_passes)
scanline_test(passes_lower SOURCES unit/passes_lower.c LIBRARIES scanline_passes_support)
scanline_test(passes_memory SOURCES unit/passes_memory.c LIBRARIES scanline_passes)
scanline_test(passes_cache SOURCES unit/passes_cache.c LIBRARIES scanline_passes)
scanline_test(passes_target SOURCES unit/passes_target.c LIBRARIES scanline_passes)
scanline_test(passes_choices SOURCES unit/passes_choices.c LIBRARIES scanline_passes)
scanline_test(passes_canonical SOURCES unit/passes_canonical.c LIBRARIES scanline_passes)
scanline_test(passes_accumulate SOURCES unit/passes_accumulate.c unit/compiled_training.c
  LIBRARIES scanline_passes scanline_frontend)
scanline_test(runtime_decoder SOURCES unit/runtime_decoder.c
  LIBRARIES scanline_passes scanline_frontend)
scanline_test(passes_step SOURCES unit/passes_step.c unit/compiled_training.c
  LIBRARIES scanline_passes scanline_frontend)

# A library as a user would build it, and calls of it by compiled plans.
add_library(test_external_library MODULE unit/external_library.c)
scanline_test(compiled_call SOURCES unit/compiled_call.c unit/ir_support.c LIBRARIES scanline_passes)
target_compile_definitions(test_compiled_call PRIVATE
  TEST_LIBRARY="$<TARGET_FILE:test_external_library>")
add_dependencies(test_compiled_call test_external_library)

# examples/custom-op, built as its README says.
set(CUSTOM ${CMAKE_CURRENT_BINARY_DIR}/custom-op)
file(MAKE_DIRECTORY ${CUSTOM})
configure_file(${CMAKE_SOURCE_DIR}/examples/custom-op/ops.c ${CUSTOM}/ops.c COPYONLY)
configure_file(${CMAKE_SOURCE_DIR}/examples/custom-op/custom.scan ${CUSTOM}/custom.scan COPYONLY)
configure_file(unit/custom_op.scan ${CUSTOM}/direct.scan COPYONLY)
add_custom_command(OUTPUT ${CUSTOM}/ops.h
  COMMAND ${CMAKE_COMMAND} -E env ASAN_OPTIONS=detect_leaks=0 $<TARGET_FILE:scanline> check custom.scan
          --extern-header ops.h
  DEPENDS scanline ${CUSTOM}/custom.scan WORKING_DIRECTORY ${CUSTOM})
add_library(custom_op MODULE ${CUSTOM}/ops.c ${CUSTOM}/ops.h)
set_target_properties(custom_op PROPERTIES OUTPUT_NAME ops LIBRARY_OUTPUT_DIRECTORY ${CUSTOM})
scanline_test(custom_op SOURCES unit/custom_op.c
  LIBRARIES scanline_passes_support scanline_passes scanline_frontend)
target_compile_definitions(test_custom_op PRIVATE CUSTOM_SPEC="${CUSTOM}/direct.scan")
add_dependencies(test_custom_op custom_op)
