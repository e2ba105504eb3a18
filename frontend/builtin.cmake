# Writes builtin.c, which holds the files of models/ by the assembler's .incbin.
set(declarations "")
set(entries "")
list(TRANSFORM SCANLINE_MODELS APPEND .scan)
foreach(name IN LISTS SCANLINE_MODELS SCANLINE_MAPS)
  set(path ${CMAKE_SOURCE_DIR}/models/${name})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
  file(SIZE ${path} size)
  string(MAKE_C_IDENTIFIER builtin_${name} symbol)
  string(APPEND declarations "__asm__(\".section .rodata\\n${symbol}:\\n.incbin \\\"${path}\\\"\\n.byte 0\\n.previous\\n\");\nextern const char ${symbol}[] __attribute__((visibility(\"hidden\")));\n")
  string(APPEND entries "    {BUILTIN_DIRECTORY \"/${name}\", ${symbol}, ${size}},\n")
endforeach()
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/builtin.c @ONLY CONTENT
"#include \"frontend/builtin.h\"

@declarations@
const SourceFile builtin_models[] = {
@entries@};
const size_t builtin_model_count = sizeof builtin_models / sizeof *builtin_models;
")
set_source_files_properties(${CMAKE_CURRENT_BINARY_DIR}/builtin.c PROPERTIES OBJECT_DEPENDS "${SCANLINE_MODEL_FILES}")
