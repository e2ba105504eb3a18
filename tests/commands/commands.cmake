# The program as a user runs it: shell scripts that take its path.
foreach(name bits cache check compare data import palette errors eval exec memory report resume reproduce child runs table tensorboard)
  add_test(NAME command_${name}
    COMMAND sh ${CMAKE_SOURCE_DIR}/tests/commands/${name}.sh $<TARGET_FILE:scanline>)
endforeach()
