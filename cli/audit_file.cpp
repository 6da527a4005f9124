// What SQLite itself says of the file. PostgreSQL answers for its pages with every row that is read.

#include "cli/audit_checks.hpp"
#include "cli/service_databases.hpp"
#include "cli/sqlite_file.hpp"

namespace agora::cli {
namespace {

constexpr sql::Sql kPages{"PRAGMA page_count"};

}  // namespace

void audit_file(sql::Tx& tx, Report& report) {
  if (tx.engine() == sql::Engine::postgresql) {
    report.not_checked("file", "PostgreSQL's own pages and indexes; pg_amcheck looks at them");
    return;
  }
  report.checked("file", "pages", count(tx, kPages));
  for (const auto& damage : damages(tx)) report.violated({"file", "quick_check", "file", damage});
}

}  // namespace agora::cli
