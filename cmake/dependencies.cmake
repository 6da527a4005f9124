# Every library from outside, found once. All are Debian 12 packages (tools/packages lists them).
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json url container)
find_package(OpenSSL 3 REQUIRED)
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
