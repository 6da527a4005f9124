#include <cstdlib>
#include <fstream>
#include <string>
#include <unistd.h>

#include <sqlite3.h>

#include "libs/sql/faults.hpp"
#include "libs/testing/faults/control.hpp"

namespace agora::faults {
namespace {

const char* control_file() {
  return std::getenv("AGORA_FAULT_FILE");
}

void set_page_limit(sqlite3* connection, const std::string& limit) {
  sqlite3_exec(connection, ("PRAGMA max_page_count=" + limit).c_str(), nullptr, nullptr, nullptr);
}

constexpr const char* kNoLimit = "1073741823";

bool armed = false;

}  // namespace

DiskFault disk_fault() {
  if (control_file() == nullptr || ::access(control_file(), F_OK) != 0) return DiskFault::none;
  std::string word;
  std::ifstream(control_file()) >> word;
  if (word == "disk_full") return DiskFault::disk_full;
  if (word == "fsync_fails") return DiskFault::fsync_fails;
  if (word == "disk_full_once") return DiskFault::disk_full_once;
  return DiskFault::none;
}

void clear_disk_fault() {
  ::unlink(control_file());
}

// A file that may not grow: the first statement that needs a new page gets a real SQLITE_FULL from the pager, in the
// middle of its group.
void before_transaction(sqlite3* connection) {
  if (armed || disk_fault() != DiskFault::disk_full_once) return;
  armed = true;
  clear_disk_fault();
  // Asking for fewer pages than there are sets the limit to just those.
  set_page_limit(connection, "1");
}

void after_transaction(sqlite3* connection) {
  if (!armed) return;
  armed = false;
  set_page_limit(connection, kNoLimit);
}

}  // namespace agora::faults
