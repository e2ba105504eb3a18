# Programs for developers, run by hand; not tests.
add_executable(bench_gemm EXCLUDE_FROM_ALL bench/gemm.c)
target_include_directories(bench_gemm PRIVATE unit)
target_link_libraries(bench_gemm PRIVATE scanline_kernel_harness ${OPENBLAS_LIBRARY})
target_include_directories(bench_gemm PRIVATE ${OPENBLAS_INCLUDE})
