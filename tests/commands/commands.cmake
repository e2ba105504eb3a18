# The program as a user runs it: shell scripts that take its path.
foreach(name
    bits
    cache
    check
    child
    compare
    data
    errors
    eval
    exec
    import
    memory
    palette
    report
    reproduce
    resume
    runs
    table
    tensorboard
  )
  add_test(NAME command_${name}
    COMMAND sh ${CMAKE_SOURCE_DIR}/tests/commands/${name}.sh $<TARGET_FILE:scanline>)
endforeach()
