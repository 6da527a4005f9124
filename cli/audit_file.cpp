// What SQLite itself says of the file.

#include "cli/audit_checks.hpp"
#include "cli/sqlite_file.hpp"

namespace agora::cli {
namespace {

constexpr sql::Sql kPages{"PRAGMA page_count"};

}  // namespace

void audit_file(sql::Tx& tx, Report& report) {
  report.checked("file", "pages", count(tx, kPages));
  for (const auto& damage : damages(tx)) report.violated({"file", "quick_check", "file", damage});
}

}  // namespace agora::cli
