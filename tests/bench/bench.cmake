# Programs for developers, run by hand (README.md); not tests.
add_library(bench_support STATIC EXCLUDE_FROM_ALL bench/program.c bench/rung.c)
target_link_libraries(bench_support PUBLIC scanline_frontend scanline_passes)
target_compile_definitions(bench_support PRIVATE SCANLINE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")

add_executable(bench_gemm EXCLUDE_FROM_ALL bench/gemm.c)
target_include_directories(bench_gemm PRIVATE unit)
target_link_libraries(bench_gemm PRIVATE scanline_kernel_harness bench_support ${OPENBLAS_LIBRARY})
target_include_directories(bench_gemm PRIVATE ${OPENBLAS_INCLUDE})

add_executable(bench_choose EXCLUDE_FROM_ALL bench/choose.c bench/choose_blas.c bench/kernels.c bench/race.c)
target_include_directories(bench_choose PRIVATE unit)
target_compile_definitions(bench_choose PRIVATE SCANLINE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
target_link_libraries(bench_choose PRIVATE scanline_kernel_harness bench_support ${OPENBLAS_LIBRARY})
target_include_directories(bench_choose PRIVATE ${OPENBLAS_INCLUDE})

add_executable(bench_peak EXCLUDE_FROM_ALL bench/peak.c)
target_link_libraries(bench_peak PRIVATE scanline_runtime)

add_executable(bench_tokens EXCLUDE_FROM_ALL bench/tokens.c)
target_link_libraries(bench_tokens PRIVATE scanline_runtime)

add_executable(bench_probe EXCLUDE_FROM_ALL bench/probe.c)
target_link_libraries(bench_probe PRIVATE scanline_runtime scanline_ir)

foreach(name step attention generate)
  add_executable(bench_${name} EXCLUDE_FROM_ALL bench/${name}.c)
  target_link_libraries(bench_${name} PRIVATE bench_support)
endforeach()

# What peers.sh and the other scripts run.
add_custom_target(bench DEPENDS bench_attention bench_choose bench_gemm bench_generate bench_peak bench_probe bench_step
  bench_tokens)
