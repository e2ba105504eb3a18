# Programs for developers, run by hand; not tests.
add_library(bench_rung STATIC EXCLUDE_FROM_ALL bench/rung.c)
target_link_libraries(bench_rung PUBLIC scanline_frontend)
target_compile_definitions(bench_rung PRIVATE SCANLINE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")

add_executable(bench_gemm EXCLUDE_FROM_ALL bench/gemm.c)
target_include_directories(bench_gemm PRIVATE unit)
target_link_libraries(bench_gemm PRIVATE scanline_kernel_harness bench_rung ${OPENBLAS_LIBRARY})
target_include_directories(bench_gemm PRIVATE ${OPENBLAS_INCLUDE})

add_executable(bench_peak EXCLUDE_FROM_ALL bench/peak.c)
target_link_libraries(bench_peak PRIVATE scanline_runtime)

add_executable(bench_step EXCLUDE_FROM_ALL bench/step.c)
target_link_libraries(bench_step PRIVATE scanline_frontend scanline_passes)
target_compile_definitions(bench_step PRIVATE SCANLINE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")

# What peers.sh and the other scripts run.
add_custom_target(bench DEPENDS bench_peak bench_step bench_gemm)
