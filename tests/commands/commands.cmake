# The program as a user runs it: shell scripts that take its path.
function(scanline_command_test name)
  add_test(NAME command_${name}
    COMMAND sh ${CMAKE_SOURCE_DIR}/tests/commands/${name}.sh $<TARGET_FILE:scanline>)
endfunction()

foreach(name
    ahead
    cache
    check
    child
    compare
    custom_op
    data
    diverged
    draw
    embed
    errors
    eval
    exec
    explain
    features
    finetune
    import
    interchange
    overlap
    palette
    perf
    ranks
    report
    reproduce
    resume
    runs
    search
    sweep
    sweep_slurm
    table
    tensorboard
    transfer
    transformers
    unlabelled
  )
  scanline_command_test(${name})
endforeach()
# Of what compiled code computes, which sanitizers do not see.
if(NOT SCANLINE_SANITIZE)
  scanline_command_test(bits)
  scanline_command_test(memory)
endif()
# 77: a Python module is missing, or MPI, or Slurm
set_tests_properties(command_transformers command_ranks command_sweep_slurm PROPERTIES SKIP_RETURN_CODE 77)
