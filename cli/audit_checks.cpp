#include "cli/audit_checks.hpp"

namespace agora::cli {

void check(sql::Tx& tx, std::span<const Rule> rules, Report& report) {
  for (const auto& rule : rules) {
    auto rows = tx.query(rule.broken);
    while (rows.next()) {
      report.violated({std::string(rule.invariant), std::string(rule.id_name), std::string(rows.text(0)),
                       std::string(rows.text(1))});
    }
  }
}

std::int64_t count(sql::Tx& tx, const sql::Sql& query) {
  auto rows = tx.query(query);
  return rows.next() ? rows.int64(0) : 0;
}

}  // namespace agora::cli
