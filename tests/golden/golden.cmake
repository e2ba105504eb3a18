# Golden files: cases with their expected output inside. To accept what has changed:
#     build/tests/golden --update tests/golden/*/*.case
add_executable(golden golden/golden.c golden/case_file.c)
target_link_libraries(golden PRIVATE scanline_frontend)
file(GLOB golden_cases CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/golden/*/*.case)
add_test(NAME golden COMMAND golden ${golden_cases})
