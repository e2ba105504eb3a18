# The program as a user runs it: shell scripts that take its path.
foreach(name cache check errors memory resume exec)
  add_test(NAME command_${name}
    COMMAND sh ${CMAKE_SOURCE_DIR}/tests/commands/${name}.sh $<TARGET_FILE:scanline>)
endforeach()
