# That the rule of layers fails a configuration that breaks it:
#   cmake -DWORK=folder -P layers_test.cmake
# Each case is a project of one domain library in which one thing is wrong.

# NAME: what the library's header says, what it links, whether that is allowed.
function(try name header links allowed)
  set(project ${WORK}/${name})
  file(REMOVE_RECURSE ${project})
  file(WRITE ${project}/a.h "${header}\n")
  file(WRITE ${project}/CMakeLists.txt "
cmake_minimum_required(VERSION 3.25)
project(layers LANGUAGES NONE)
add_library(gRPC::grpc++ INTERFACE IMPORTED)
include(${CMAKE_CURRENT_LIST_DIR}/MitraTargets.cmake)
mitra_add_library(NAME adapter LAYER edge HDRS a.h DEPS gRPC::grpc++)
file(WRITE \${CMAKE_CURRENT_SOURCE_DIR}/b.h \"\")
mitra_add_library(NAME between HDRS b.h DEPS ${links})
file(COPY_FILE a.h domain.h)
mitra_add_library(NAME domain HDRS domain.h DEPS mitra::between)
mitra_check_layers()
")
  execute_process(COMMAND ${CMAKE_COMMAND} -S ${project} -B ${project}/build
      RESULT_VARIABLE failed OUTPUT_QUIET ERROR_VARIABLE said)
  if(allowed AND failed)
    message(FATAL_ERROR "${name} was refused: ${said}")
  elseif(NOT allowed AND NOT said MATCHES "is domain code but")
    message(FATAL_ERROR "${name} was not refused: ${said}")
  endif()
  message(STATUS "${name}: as it should be")
endfunction()

try(good "#include \"absl/status/status.h\"" "" TRUE)
try(links_grpc "" "gRPC::grpc++" FALSE)
try(links_an_adapter "" "mitra::adapter" FALSE)
try(includes_grpc "#include <grpcpp/grpcpp.h>" "" FALSE)
try(includes_stubs "#include \"mitra/v1/hop.grpc.pb.h\"" "" FALSE)
try(includes_sql "#include <sqlite3.h>" "" FALSE)
try(includes_http "#include <restinio/all.hpp>" "" FALSE)
