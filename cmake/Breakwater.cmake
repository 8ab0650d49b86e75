# What every folder's CMakeLists.txt uses: one way to make a library, a program, a test and a micro-benchmark.
#
#   bw_library(rule SOURCES rule.cc expr.cc DEPS bw::net absl::status)   -> target bw_rule, alias bw::rule
#   bw_test(rule_test SOURCES rule_test.cc DEPS bw::rule)                -> CTest "rule_test", label "unit"
#   bw_bench(rule_bench SOURCES rule_bench.cc DEPS bw::rule)
#   bw_program(breakwater-edge SOURCES main.cc DEPS ...)                 -> in BREAKWATER_BIN_DIR

# A compiler cache when there is one; -DCMAKE_CXX_COMPILER_LAUNCHER= turns it off.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  foreach(language C CXX)
    if(NOT DEFINED CMAKE_${language}_COMPILER_LAUNCHER)
      # Without these it doesn't cache what includes a precompiled header.
      set(CMAKE_${language}_COMPILER_LAUNCHER
          "${CMAKE_COMMAND}" -E env CCACHE_SLOPPINESS=pch_defines,time_macros "${CCACHE_PROGRAM}")
    endif()
  endforeach()
endif()

find_package(Threads REQUIRED)
find_package(absl REQUIRED)
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
# Imported targets are seen below the folder that looks for them, and these are linked from everywhere.
find_package(OpenSSL REQUIRED)
find_package(Protobuf REQUIRED)
find_package(gRPC CONFIG REQUIRED)

# The release preset puts its programs in build/bin, as the documentation says; the others in build/PRESET/bin.
if(NOT BREAKWATER_BIN_DIR)
  set(BREAKWATER_BIN_DIR "${CMAKE_BINARY_DIR}/bin")
endif()

# GCC 12 reports bounds, overlaps and uninitialised reads inside libstdc++ that aren't there (GCC bugs 105562
# and 107852, for two), more of them at -O3 and with sanitizers; the sanitizers look for the real ones.
add_library(bw_flags INTERFACE)
# -pthread for all, since some libraries ask for it: it defines a macro, and what is precompiled has to fit everywhere.
target_compile_options(bw_flags INTERFACE
  -pthread -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wpedantic -Wno-missing-field-initializers -Werror
  $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual -Wextra-semi>
  $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread -Wno-restrict -Wno-maybe-uninitialized>)
target_include_directories(bw_flags INTERFACE "${CMAKE_SOURCE_DIR}")
if(BREAKWATER_SANITIZE)
  # Null pointers are found by AddressSanitizer as well; leaving these out takes a quarter off the compiler's time.
  add_compile_options(-fsanitize=${BREAKWATER_SANITIZE} -fno-sanitize=null,vptr,object-size -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${BREAKWATER_SANITIZE})
endif()

# A test's own code isn't worth the optimiser's time, least of all between a sanitizer's checks.
set(BW_TEST_OPTIMISATION -O1)
if(BREAKWATER_SANITIZE)
  set(BW_TEST_OPTIMISATION -O0)
endif()

# Two precompiled headers for all: what nearly every source of ours and every test includes anyway. They take a third off a
# build. Executables and libraries differ in -fPIE and -fPIC, and tests in their optimisation, so there is one for each.
function(bw_precompiled name kind)
  file(WRITE "${CMAKE_BINARY_DIR}/${name}.cc.in" "int main() { return 0; }\n")
  configure_file("${CMAKE_BINARY_DIR}/${name}.cc.in" "${CMAKE_BINARY_DIR}/${name}.cc" COPYONLY)
  if(kind STREQUAL "test")
    add_executable(${name} "${CMAKE_BINARY_DIR}/${name}.cc")
    target_compile_options(${name} PRIVATE ${BW_TEST_OPTIMISATION})
    target_link_libraries(${name} PRIVATE GTest::gtest GTest::gmock)
  else()
    add_library(${name} STATIC "${CMAKE_BINARY_DIR}/${name}.cc")
  endif()
  target_link_libraries(${name} PRIVATE bw_flags absl::status absl::statusor absl::time absl::strings Threads::Threads)
  target_precompile_headers(${name} PRIVATE ${ARGN})
endfunction()
set(BW_COMMON_HEADERS <algorithm> <functional> <map> <memory> <optional> <string> <string_view> <vector>
    <absl/status/statusor.h> <absl/strings/str_cat.h> <absl/time/time.h>)
bw_precompiled(bw_precompiled_library library ${BW_COMMON_HEADERS})
bw_precompiled(bw_precompiled_test test ${BW_COMMON_HEADERS} <gmock/gmock.h> <gtest/gtest.h>)

function(bw_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(bw_${name} STATIC ${ARG_SOURCES})
  add_library(bw::${name} ALIAS bw_${name})
  target_link_libraries(bw_${name} PUBLIC ${ARG_DEPS} Threads::Threads PRIVATE bw_flags ${ARG_PRIVATE_DEPS})
  target_include_directories(bw_${name} PUBLIC "${CMAKE_SOURCE_DIR}")
  target_precompile_headers(bw_${name} REUSE_FROM bw_precompiled_library)
endfunction()

function(bw_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE bw_flags ${ARG_DEPS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${BREAKWATER_BIN_DIR}")
endfunction()

function(bw_test name)
  cmake_parse_arguments(ARG "" "LABEL" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE bw_flags ${ARG_DEPS} GTest::gtest GTest::gmock GTest::gtest_main)
  target_precompile_headers(${name} REUSE_FROM bw_precompiled_test)
  target_compile_options(${name} PRIVATE ${BW_TEST_OPTIMISATION})
  if(NOT ARG_LABEL)
    set(ARG_LABEL unit)
  endif()
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
  # A test program in which a case skipped counts as skipped, never as passed.
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABEL}" TIMEOUT 300 SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\]")
endfunction()

function(bw_bench name)
  if(BREAKWATER_SANITIZE)
    return()  # what they would measure is the sanitizer
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE bw_flags ${ARG_DEPS} benchmark::benchmark_main)
endfunction()
