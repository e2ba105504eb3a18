# The program as a user runs it: shell scripts that take its path.
foreach(name
    bits
    cache
    check
    child
    compare
    data
    diverged
    errors
    eval
    exec
    explain
    features
    finetune
    import
    interchange
    memory
    overlap
    palette
    perf
    report
    reproduce
    resume
    runs
    search
    table
    tensorboard
    transfer
    transformers
    unlabelled
  )
  add_test(NAME command_${name}
    COMMAND sh ${CMAKE_SOURCE_DIR}/tests/commands/${name}.sh $<TARGET_FILE:scanline>)
endforeach()
# 77: a Python module is missing
set_tests_properties(command_transformers PROPERTIES SKIP_RETURN_CODE 77)
