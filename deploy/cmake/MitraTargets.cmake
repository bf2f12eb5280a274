# Target helpers. Every component is one target; nothing else adds targets.
#
#   mitra_add_library(NAME x [LAYER domain|edge] SRCS … [HDRS …] [DEPS …]
#                     [PRIVATE_DEPS …] [TESTONLY])
#       Builds mitra_x and its alias mitra::x. LAYER domain (the default) means
#       that neither it nor anything it links may be gRPC, hiredis, SQL, HTTP or
#       metrics exposition, and that none of its files includes their headers;
#       mitra_check_layers() fails the configuration otherwise. LAYER edge may
#       link anything.
#   mitra_add_proto(MESSAGES x/y … SERVICES x/z … [FOREIGN_ROOT dir FOREIGN …])
#       mitra::proto, the messages of all these files below the calling folder,
#       and mitra::proto_grpc, the stubs of those with services. FOREIGN: files
#       of another root, messages only.
#   mitra_add_test(NAME x SIZE small|medium|large [SANITIZED] SRCS … DEPS …
#                  [ARGS …])
#       One gtest executable. SIZE becomes the CTest label and time-out: small
#       is pure, medium uses in-process gRPC or a real Redis, large starts
#       processes. SANITIZED, for what reads bytes of others (parsers, stores):
#       scripts/test runs it under address and undefined-behaviour sanitizers
#       too; the target sanitized_tests builds all of them.
#   mitra_add_service(NAME x SRCS main.cc … DEPS …)
#       The executable mitra-x.
#   mitra_add_benchmark(NAME x SRCS … DEPS …)
#       A program under tests/bench; never run by ctest.

set(MITRA_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
    -Wno-missing-field-initializers -Wno-unused-parameter)
# g++ 12 sees faults in libstdc++'s own strings and variants once they are
# inlined (GCC bugs 105329, 105562, 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  list(APPEND MITRA_WARNINGS -Wno-array-bounds -Wno-maybe-uninitialized
       -Wno-restrict -Wno-stringop-overflow)
endif()
# The few files that FAISS wants built with -fopenmp cannot use the header.
set(CMAKE_PCH_WARN_INVALID OFF)
if(MITRA_WERROR)
  list(APPEND MITRA_WARNINGS -Werror)
endif()

# Packages that domain code must not reach, even through others.
set(MITRA_EDGE_ONLY gRPC::grpc++ gRPC::grpc++_reflection PkgConfig::HIREDIS
    PkgConfig::SQLITE prometheus-cpp::core mitra_proto_grpc)
# Their headers; on the search path of everybody, so that only looking helps.
# RESTinio is nothing but headers.
set(MITRA_EDGE_INCLUDES
    "#include [<\"](grpc|grpcpp|hiredis|restinio|prometheus)/|#include <sqlite3\\.h>|\\.grpc\\.pb\\.h\"")

function(_mitra_common_settings target layer)
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR})
  # -pthread everywhere: a target without it could not use the shared header.
  target_compile_options(${target} PRIVATE ${MITRA_WARNINGS} -pthread)
  set_target_properties(${target} PROPERTIES MITRA_LAYER ${layer})
  target_precompile_headers(${target} REUSE_FROM mitra_pch)
endfunction()

function(mitra_add_library)
  cmake_parse_arguments(A "TESTONLY" "NAME;LAYER" "SRCS;HDRS;DEPS;PRIVATE_DEPS" ${ARGN})
  if(A_TESTONLY AND NOT MITRA_BUILD_TESTS)
    return()
  endif()
  if(NOT A_LAYER)
    set(A_LAYER domain)
  endif()
  set(target mitra_${A_NAME})
  if(A_SRCS)
    add_library(${target} STATIC ${A_SRCS} ${A_HDRS})
    _mitra_common_settings(${target} ${A_LAYER})
    target_link_libraries(${target} PUBLIC ${A_DEPS} PRIVATE ${A_PRIVATE_DEPS})
  else()
    add_library(${target} INTERFACE)
    target_include_directories(${target} INTERFACE ${CMAKE_SOURCE_DIR})
    target_link_libraries(${target} INTERFACE ${A_DEPS})
    set_target_properties(${target} PROPERTIES MITRA_LAYER ${A_LAYER})
  endif()
  add_library(mitra::${A_NAME} ALIAS ${target})
  set(files ${A_SRCS} ${A_HDRS})
  list(TRANSFORM files PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
  set_target_properties(${target} PROPERTIES MITRA_FILES "${files}")
  set_property(GLOBAL APPEND PROPERTY MITRA_LIBRARIES ${target})
endfunction()

function(mitra_add_proto)
  cmake_parse_arguments(A "" "FOREIGN_ROOT" "MESSAGES;SERVICES;FOREIGN" ${ARGN})
  set(root ${CMAKE_CURRENT_SOURCE_DIR})
  set(gen ${CMAKE_CURRENT_BINARY_DIR}/gen)
  file(MAKE_DIRECTORY ${gen})
  # Whole-tree dependency: a shared message may change any generated file.
  file(GLOB_RECURSE all CONFIGURE_DEPENDS ${root}/*.proto)
  set(message_sources "")
  set(grpc_sources "")
  foreach(proto ${A_MESSAGES} ${A_SERVICES})
    set(outputs ${gen}/${proto}.pb.cc ${gen}/${proto}.pb.h)
    set(command protobuf::protoc --proto_path=${root} --cpp_out=${gen})
    list(APPEND message_sources ${gen}/${proto}.pb.cc)
    if(proto IN_LIST A_SERVICES)
      list(APPEND outputs ${gen}/${proto}.grpc.pb.cc ${gen}/${proto}.grpc.pb.h)
      list(APPEND command --grpc_out=${gen} --plugin=protoc-gen-grpc=${GRPC_CPP_PLUGIN})
      list(APPEND grpc_sources ${gen}/${proto}.grpc.pb.cc)
    endif()
    add_custom_command(OUTPUT ${outputs} COMMAND ${command} ${root}/${proto}.proto
        DEPENDS ${all} COMMENT "protoc ${proto}.proto" VERBATIM)
  endforeach()
  foreach(proto ${A_FOREIGN})
    add_custom_command(OUTPUT ${gen}/${proto}.pb.cc ${gen}/${proto}.pb.h
        COMMAND protobuf::protoc --proto_path=${A_FOREIGN_ROOT} --cpp_out=${gen}
                ${A_FOREIGN_ROOT}/${proto}.proto
        DEPENDS ${A_FOREIGN_ROOT}/${proto}.proto VERBATIM)
    list(APPEND message_sources ${gen}/${proto}.pb.cc)
  endforeach()

  add_library(mitra_proto STATIC ${message_sources})
  target_include_directories(mitra_proto SYSTEM PUBLIC ${gen})
  target_link_libraries(mitra_proto PUBLIC protobuf::libprotobuf)
  target_compile_options(mitra_proto PRIVATE -w -g0)
  add_library(mitra::proto ALIAS mitra_proto)

  add_library(mitra_proto_grpc STATIC ${grpc_sources})
  target_link_libraries(mitra_proto_grpc PUBLIC mitra_proto gRPC::grpc++)
  target_compile_options(mitra_proto_grpc PRIVATE -w -g0)
  target_precompile_headers(mitra_proto_grpc PRIVATE <grpcpp/grpcpp.h>)
  add_library(mitra::proto_grpc ALIAS mitra_proto_grpc)
endfunction()

function(mitra_add_test)
  if(NOT MITRA_BUILD_TESTS)
    return()
  endif()
  cmake_parse_arguments(A "SANITIZED" "NAME;SIZE" "SRCS;DEPS;ARGS" ${ARGN})
  add_executable(${A_NAME} ${A_SRCS})
  if(MITRA_SANITIZE MATCHES thread)
    target_sources(${A_NAME} PRIVATE ${CMAKE_SOURCE_DIR}/tests/support/tsan_locks.cc)
  endif()
  _mitra_common_settings(${A_NAME} edge)
  target_link_libraries(${A_NAME} PRIVATE ${A_DEPS} GTest::gtest GTest::gmock GTest::gtest_main)
  set_target_properties(${A_NAME} PROPERTIES
      RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  set(timeouts small 60 medium 180 large 900)
  list(FIND timeouts ${A_SIZE} at)
  if(at LESS 0)
    message(FATAL_ERROR "${A_NAME}: SIZE must be small, medium or large")
  endif()
  math(EXPR at "${at} + 1")
  list(GET timeouts ${at} timeout)
  add_test(NAME ${A_NAME} COMMAND ${A_NAME} ${A_ARGS})
  set_tests_properties(${A_NAME} PROPERTIES LABELS ${A_SIZE} TIMEOUT ${timeout}
      SKIP_REGULAR_EXPRESSION "ALL TESTS SKIPPED"
      ENVIRONMENT "MITRA_BIN_DIR=${CMAKE_BINARY_DIR}/bin;MITRA_SOURCE_DIR=${CMAKE_SOURCE_DIR}")
  if(A_SIZE STREQUAL large)
    set_tests_properties(${A_NAME} PROPERTIES RUN_SERIAL ON)
  endif()
  if(A_SANITIZED)
    set_property(TEST ${A_NAME} APPEND PROPERTY LABELS sanitized)
    if(NOT TARGET sanitized_tests)
      add_custom_target(sanitized_tests)
    endif()
    add_dependencies(sanitized_tests ${A_NAME})
  endif()
endfunction()

function(mitra_add_service)
  cmake_parse_arguments(A "" "NAME" "SRCS;DEPS" ${ARGN})
  add_executable(mitra-${A_NAME} ${A_SRCS})
  _mitra_common_settings(mitra-${A_NAME} edge)
  # Services allocate small things on many threads all day.
  target_link_libraries(mitra-${A_NAME} PRIVATE ${A_DEPS} ${MITRA_ALLOCATOR})
  if(MITRA_ALLOCATOR)
    target_sources(mitra-${A_NAME} PRIVATE ${CMAKE_SOURCE_DIR}/common/base/huge_heap.cc)
  endif()
  install(TARGETS mitra-${A_NAME} COMPONENT ${A_NAME})
endfunction()

function(mitra_add_benchmark)
  if(NOT MITRA_BUILD_BENCHMARKS)
    return()
  endif()
  cmake_parse_arguments(A "" "NAME" "SRCS;DEPS" ${ARGN})
  add_executable(${A_NAME} ${A_SRCS})
  _mitra_common_settings(${A_NAME} edge)
  target_link_libraries(${A_NAME} PRIVATE ${A_DEPS})
endfunction()

function(_mitra_reaches target out)
  # All targets that `target` links, directly or through others.
  set(seen "")
  set(queue ${target})
  while(queue)
    list(POP_FRONT queue current)
    if(TARGET ${current})
      get_target_property(aliased ${current} ALIASED_TARGET)
      if(aliased)
        set(current ${aliased})
      endif()
    endif()
    if(current IN_LIST seen OR current MATCHES "^\\$<")
      continue()
    endif()
    list(APPEND seen ${current})
    if(NOT TARGET ${current} OR NOT current MATCHES "^mitra_")
      continue()
    endif()
    foreach(property LINK_LIBRARIES INTERFACE_LINK_LIBRARIES)
      get_target_property(links ${current} ${property})
      if(links)
        string(REGEX REPLACE "\\$<LINK_ONLY:([^>]*)>" "\\1" links "${links}")
        list(APPEND queue ${links})
      endif()
    endforeach()
  endwhile()
  set(${out} ${seen} PARENT_SCOPE)
endfunction()

function(_mitra_check_includes library)
  get_target_property(files ${library} MITRA_FILES)
  foreach(file ${files})
    file(STRINGS ${file} found REGEX "${MITRA_EDGE_INCLUDES}" LIMIT_COUNT 1)
    if(found)
      message(FATAL_ERROR "${library} is domain code but ${file} says ${found}")
    endif()
  endforeach()
endfunction()

function(mitra_check_layers)
  get_property(libraries GLOBAL PROPERTY MITRA_LIBRARIES)
  foreach(library ${libraries})
    get_target_property(layer ${library} MITRA_LAYER)
    if(NOT layer STREQUAL domain)
      continue()
    endif()
    _mitra_check_includes(${library})
    _mitra_reaches(${library} reached)
    foreach(forbidden ${MITRA_EDGE_ONLY})
      if(forbidden IN_LIST reached)
        message(FATAL_ERROR "${library} is domain code but links ${forbidden}; "
            "put the adapter in its own target with LAYER edge")
      endif()
    endforeach()
  endforeach()
endfunction()
