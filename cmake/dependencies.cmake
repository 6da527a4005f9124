# Every library from outside, found once. All are Debian 12 packages (tools/packages lists them).
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json url container)
find_package(OpenSSL 3 REQUIRED)
find_package(CURL REQUIRED)
find_package(PostgreSQL REQUIRED)
find_package(SQLite3 3.40 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
# Debian's own interpreter: the one its python3-* packages are installed for.
find_program(AGORA_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH REQUIRED)
if(AGORA_TESTS)
  find_package(GTest REQUIRED)
endif()
find_package(PkgConfig REQUIRED)
pkg_check_modules(RDKAFKA REQUIRED IMPORTED_TARGET rdkafka>=2.0)
# Without TLS: it stays on private addresses. Of what its pkg-config file says only the names are taken: the rest links all of Abseil, and
# defines macros that would keep the precompiled header out.
pkg_check_modules(GRPC REQUIRED grpc++_unsecure>=1.51)
add_library(agora_grpc_dependency INTERFACE)
target_link_libraries(agora_grpc_dependency INTERFACE grpc++_unsecure grpc_unsecure gpr absl_synchronization)
find_package(Protobuf 3.21 REQUIRED)
