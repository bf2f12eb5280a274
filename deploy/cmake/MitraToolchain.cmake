# Compiler settings that hold for every target of the project.

find_program(MITRA_CCACHE ccache)
if(MITRA_CCACHE)
  # gcc's precompiled headers need these, or ccache never hits.
  set(_ccache ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${MITRA_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${_ccache})
  set(CMAKE_C_COMPILER_LAUNCHER ${_ccache})
endif()

# A hundred programs link the same static libraries; mold does it in a tenth of
# the time that the default linker takes.
find_program(MITRA_MOLD mold)
if(MITRA_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG -g1")
add_compile_options($<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fpch-preprocess>)
if(MITRA_SANITIZE)
  # Unoptimised, the kernels are too slow to meet many cases.
  set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1")
  add_compile_options(-fsanitize=${MITRA_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${MITRA_SANITIZE})
  if(MITRA_SANITIZE MATCHES thread)
    # Protobuf's maps have two more members where this is defined; Debian's
    # library was built without them.
    add_compile_options(-U__SANITIZE_THREAD__ -DMITRA_THREAD_SANITIZER)
  endif()
endif()
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
