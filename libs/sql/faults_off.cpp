#include "libs/sql/faults.hpp"

namespace agora::faults {

void crash_point(const char*) noexcept {}
const char* sqlite_vfs() {
  return nullptr;
}
void before_transaction(sqlite3*) {}
void after_transaction(sqlite3*) {}

}  // namespace agora::faults
