# The program as a user runs it: shell scripts that take its path.
foreach(name
    bits
    cache
    check
    child
    data
    diverged
    errors
    eval
    exec
    features
    finetune
    import
    memory
    palette
    reproduce
    resume
    runs
    search
    table
    transfer
  )
  add_test(NAME command_${name}
    COMMAND sh ${CMAKE_SOURCE_DIR}/tests/commands/${name}.sh $<TARGET_FILE:scanline>)
endforeach()
