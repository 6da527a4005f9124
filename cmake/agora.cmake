# The kinds of target this project has: library, program, test, embedded text, messages of a contract.

find_program(AGORA_CCACHE ccache)
if(AGORA_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${AGORA_CCACHE}")
endif()

add_library(agora_flags INTERFACE)
target_include_directories(agora_flags INTERFACE "${CMAKE_SOURCE_DIR}")
target_compile_options(agora_flags INTERFACE -Wall -Wextra -Wpedantic $<$<CXX_COMPILER_ID:GNU>:-Wshadow=local> -Wnon-virtual-dtor -Wold-style-cast)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 takes Asio's recycling of coroutine frames for a mismatch.
  target_compile_options(agora_flags INTERFACE -Wno-mismatched-new-delete)
endif()
target_compile_definitions(
  agora_flags
  INTERFACE BOOST_ASIO_SEPARATE_COMPILATION
            BOOST_BEAST_SEPARATE_COMPILATION
            BOOST_ASIO_NO_DEPRECATED
            SPDLOG_FMT_EXTERNAL)
if(AGORA_WERROR)
  target_compile_options(agora_flags INTERFACE -Werror)
endif()
if(AGORA_SANITIZE)
  target_compile_options(agora_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(agora_flags INTERFACE -fsanitize=address,undefined)
endif()
target_link_libraries(agora_flags INTERFACE Threads::Threads)

# agora_library(NAME SOURCES a.cpp … [DEPS lib …])
# A static library agora_NAME. Include paths are from the repository's root.
function(agora_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(agora_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(agora_${name} PUBLIC agora_flags ${ARG_DEPS})
  agora_precompile(agora_${name})
endfunction()

# agora_objects(NAME SOURCES a.cpp … [DEPS lib …])
# The same as objects: linked whole, wherever they stand on the command line.
function(agora_objects name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(agora_${name} OBJECT ${ARG_SOURCES})
  target_link_libraries(agora_${name} PUBLIC agora_flags ${ARG_DEPS})
  agora_precompile(agora_${name})
endfunction()

# agora_test(NAME SOURCES a_test.cpp … [DEPS lib …])
# A GoogleTest program NAME_test, run as one ctest test.
function(agora_test name)
  if(NOT AGORA_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name}_test ${ARG_SOURCES})
  target_link_libraries(${name}_test PRIVATE ${ARG_DEPS} GTest::gtest GTest::gtest_main)
  agora_precompile(${name}_test)
  add_test(NAME ${name} COMMAND ${name}_test)
  set_tests_properties(${name} PROPERTIES TIMEOUT 300)
endfunction()

# agora_embed(TARGET NAME FILE)
# Makes the bytes of FILE available to TARGET as `agora::embedded::NAME` (a std::string_view), declared in "embedded/NAME.hpp".
function(agora_embed target name file)
  set(out "${CMAKE_CURRENT_BINARY_DIR}/embedded")
  add_custom_command(
    OUTPUT "${out}/${name}.hpp" "${out}/${name}.cpp"
    COMMAND "${AGORA_PYTHON}" "${CMAKE_SOURCE_DIR}/cmake/embed.py" "${name}" "${file}" "${out}"
    DEPENDS "${file}" "${CMAKE_SOURCE_DIR}/cmake/embed.py"
    VERBATIM)
  target_sources(${target} PRIVATE "${out}/${name}.cpp" "${out}/${name}.hpp")
  target_include_directories(${target} PUBLIC "${CMAKE_CURRENT_BINARY_DIR}")
endfunction()

# agora_contract_pages(SERVICE)
# What /openapi.json, /docs and / answer, for agora_SERVICE_api: made from contracts/http/SERVICE.yaml, and its index.html.
function(agora_contract_pages service)
  set(rendered "${CMAKE_CURRENT_BINARY_DIR}/rendered")
  set(contract "${CMAKE_SOURCE_DIR}/contracts/http/${service}.yaml")
  add_custom_command(
    OUTPUT "${rendered}/openapi.json" "${rendered}/docs.html"
    COMMAND "${AGORA_PYTHON}" "${CMAKE_SOURCE_DIR}/tools/render_contract.py" "${contract}" "${rendered}"
    DEPENDS "${CMAKE_SOURCE_DIR}/tools/render_contract.py" "${contract}"
    VERBATIM)
  agora_embed(agora_${service}_api openapi_document "${rendered}/openapi.json")
  agora_embed(agora_${service}_api docs_page "${rendered}/docs.html")
  agora_embed(agora_${service}_api index_page "${CMAKE_CURRENT_SOURCE_DIR}/api/index.html")
endfunction()

# agora_service_programs(SERVICE)
# One main.cpp, two programs: SERVICE-service with empty fault units for everybody, SERVICE-service-faults with real ones for
# the tests of failure.
function(agora_service_programs service)
  agora_objects(${service}_main SOURCES main.cpp DEPS agora_${service}_api)
  add_executable(${service}-service)
  target_link_libraries(${service}-service PRIVATE agora_${service}_main agora_faults_off)
  add_executable(${service}-service-faults)
  target_link_libraries(${service}-service-faults PRIVATE agora_${service}_main agora_faults_on)
endfunction()

# One precompiled header for everything, built once.
function(agora_precompile target)
  if(NOT TARGET agora_pch)
    file(WRITE "${CMAKE_BINARY_DIR}/pch/pch.cpp.in" "")
    configure_file("${CMAKE_BINARY_DIR}/pch/pch.cpp.in" "${CMAKE_BINARY_DIR}/pch/pch.cpp" COPYONLY)
    add_library(agora_pch STATIC "${CMAKE_BINARY_DIR}/pch/pch.cpp")
    target_link_libraries(agora_pch PUBLIC agora_flags)
    target_precompile_headers(agora_pch PRIVATE "${CMAKE_SOURCE_DIR}/cmake/pch.hpp")
  endif()
  target_precompile_headers(${target} REUSE_FROM agora_pch)
endfunction()

# agora_messages(NAME FILE.proto)
# A static library agora_NAME of the messages and service descriptors in FILE, a path from the repository's root; its header is "FILE.pb.h".
function(agora_messages name proto)
  set(out "${CMAKE_BINARY_DIR}/messages")
  string(REGEX REPLACE "\\.proto$" ".pb" stem "${proto}")
  add_custom_command(
    OUTPUT "${out}/${stem}.cc" "${out}/${stem}.h"
    COMMAND "${CMAKE_COMMAND}" -E make_directory "${out}"
    COMMAND protobuf::protoc "--cpp_out=${out}" -I "${CMAKE_SOURCE_DIR}" "${CMAKE_SOURCE_DIR}/${proto}"
    DEPENDS "${CMAKE_SOURCE_DIR}/${proto}"
    VERBATIM)
  add_library(agora_${name} STATIC "${out}/${stem}.cc")
  target_include_directories(agora_${name} SYSTEM PUBLIC "${out}")
  target_link_libraries(agora_${name} PUBLIC agora_flags protobuf::libprotobuf)
  # Made, not written: its warnings are nobody's.
  target_compile_options(agora_${name} PRIVATE -w)
endfunction()
