#include "libs/sql/migrations.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>

#include "libs/sql/sha256.hpp"

namespace agora::sql {
namespace {

constexpr std::string_view kOnly = "-- only: ";
constexpr std::string_view kEnd = "-- end";
constexpr std::string_view kCollate = " COLLATE \"C\"";

constexpr Sql kCreate{
    "CREATE TABLE IF NOT EXISTS schema_migrations (number BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT "
    "NULL)"};
// Databases of the first releases do not say when a step was applied.
constexpr Sql kHasTimes{
    "SELECT 1 FROM pragma_table_info('schema_migrations') WHERE name = 'applied_at'",
    "SELECT 1 FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = "
    "'schema_migrations' AND column_name = 'applied_at'"};
constexpr Sql kAddTimes{"ALTER TABLE schema_migrations ADD COLUMN applied_at BIGINT"};
constexpr Sql kApplied{"SELECT number, name, checksum FROM schema_migrations ORDER BY number"};
#define AGORA_INSERT_STEP "INSERT INTO schema_migrations (number, name, checksum, applied_at) VALUES ($1, $2, $3, "
constexpr Sql kInsert{AGORA_INSERT_STEP "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER))",
                      AGORA_INSERT_STEP "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint)"};

DatabaseError refused(const std::string& message) {
  return {DatabaseError::Kind::failed, message};
}

struct Applied {
  std::string name;
  std::string checksum;
};

bool has_times(Tx& tx) {
  auto rows = tx.query(kHasTimes);
  return rows.next();
}

std::map<std::int64_t, Applied> read_applied(Tx& tx) {
  std::map<std::int64_t, Applied> applied;
  auto rows = tx.query(kApplied);
  while (rows.next()) applied[rows.int64(0)] = {std::string(rows.text(1)), std::string(rows.text(2))};
  return applied;
}

}  // namespace

std::string text_for(Engine engine, std::string_view text) {
  const std::string_view ours = engine == Engine::sqlite ? "sqlite" : "postgresql";
  std::string out;
  bool inside = false;
  bool taken = true;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (line.starts_with(kOnly)) {
      if (inside) throw std::invalid_argument("an engine's block stands in another");
      inside = true;
      taken = line.substr(kOnly.size()) == ours;
    } else if (line == kEnd) {
      if (!inside) throw std::invalid_argument("-- end without -- only:");
      inside = false;
      taken = true;
    } else if (taken) {
      out += line;
      out += '\n';
    }
  }
  if (inside) throw std::invalid_argument("-- only: without -- end");
  if (engine == Engine::sqlite) {
    for (auto at = out.find(kCollate); at != std::string::npos; at = out.find(kCollate, at)) {
      out.erase(at, kCollate.size());
    }
  }
  return out;
}

void apply_migrations(Tx& tx, std::span<const Migration> migrations) {
  tx.execute(kCreate);
  if (!has_times(tx)) tx.execute(kAddTimes);
  const auto applied = read_applied(tx);
  for (const auto& [number, step] : applied) {
    const auto known = std::any_of(migrations.begin(), migrations.end(),
                                   [&, n = number](const Migration& migration) { return migration.number == n; });
    if (!known) throw refused("the database is newer than this program: it has " + step.name);
  }
  for (const auto& migration : migrations) {
    const auto checksum = hex(sha256(migration.text));
    const auto found = applied.find(migration.number);
    if (found != applied.end()) {
      if (found->second.checksum != checksum) {
        throw refused("migration " + found->second.name + " was edited after it landed; restore its text");
      }
      continue;
    }
    tx.run_script(text_for(tx.engine(), migration.text));
    tx.execute_one(kInsert, {migration.number, migration.name, checksum});
  }
}

}  // namespace agora::sql
