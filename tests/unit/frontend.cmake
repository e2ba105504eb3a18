scanline_test(frontend_source SOURCES unit/frontend_source.c LIBRARIES scanline_frontend)
scanline_test(frontend_suggest SOURCES unit/frontend_suggest.c LIBRARIES scanline_frontend)
scanline_test(frontend_lexer SOURCES unit/frontend_lexer.c LIBRARIES scanline_frontend)
scanline_test(frontend_parser SOURCES unit/frontend_parser.c LIBRARIES scanline_frontend)
scanline_test(frontend_diagnostic SOURCES unit/frontend_diagnostic.c LIBRARIES scanline_frontend)
scanline_test(frontend_spec SOURCES unit/frontend_spec.c unit/frontend_support.c
  LIBRARIES scanline_frontend)
scanline_test(frontend_flatten SOURCES unit/frontend_flatten.c unit/frontend_support.c
  LIBRARIES scanline_frontend)
scanline_test(frontend_carried SOURCES unit/frontend_carried.c LIBRARIES scanline_frontend)
scanline_test(frontend_memory SOURCES unit/frontend_memory.c LIBRARIES scanline_frontend)
scanline_test(frontend_large SOURCES unit/frontend_large.c LIBRARIES scanline_frontend)
set_tests_properties(frontend_large PROPERTIES TIMEOUT 120)
scanline_test(frontend_values SOURCES unit/frontend_values.c unit/lower_support.c
  unit/frontend_support.c LIBRARIES scanline_frontend)
scanline_test(frontend_lower SOURCES unit/frontend_lower.c unit/lower_support.c
  unit/frontend_support.c LIBRARIES scanline_frontend)
scanline_test(frontend_lower_memory SOURCES unit/frontend_lower_memory.c
  LIBRARIES scanline_frontend)
