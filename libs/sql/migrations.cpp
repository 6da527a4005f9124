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

constexpr Sql kLock{"SELECT 1", "SELECT pg_advisory_xact_lock(4702111234474983745)"};
constexpr Sql kCreate{
    "CREATE TABLE IF NOT EXISTS schema_migrations (number BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT "
    "NULL)"};
constexpr Sql kApplied{"SELECT number, name, checksum FROM schema_migrations ORDER BY number"};
constexpr Sql kInsert{"INSERT INTO schema_migrations (number, name, checksum) VALUES ($1, $2, $3)"};

DatabaseError refused(const std::string& message) {
  return {DatabaseError::Kind::failed, message};
}

struct Applied {
  std::string name;
  std::string checksum;
};

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
  {
    auto locked = tx.query(kLock);
    locked.next();
  }
  tx.execute(kCreate);
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
