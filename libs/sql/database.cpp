#include "libs/sql/database.hpp"

#include <filesystem>

#include "libs/sql/postgresql/postgresql_database.hpp"
#include "libs/sql/sqlite/sqlite_database.hpp"

namespace agora::sql {
namespace {

constexpr std::string_view kSqlite = "sqlite:";
constexpr std::string_view kSynchronousOff = "?synchronous=off";

std::unique_ptr<Database> open_sqlite(std::string path, const Limits& limits, telemetry::Registry& metrics) {
  std::string synchronous = "FULL";
  if (path.ends_with(kSynchronousOff)) {
    if (!limits.durability_optional) {
      throw std::invalid_argument("synchronous=off loses acknowledged orders at a power cut; it is for tests alone");
    }
    path.resize(path.size() - kSynchronousOff.size());
    synchronous = "OFF";
  }
  const auto folder = std::filesystem::path(path).parent_path();
  std::error_code ec;
  if (!folder.empty() && std::filesystem::create_directories(folder, ec)) {
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, ec);
  }
  if (ec) throw DatabaseError(DatabaseError::Kind::unavailable, "cannot make " + folder.string() + ": " + ec.message());
  return std::make_unique<sqlite::SqliteDatabase>(path, synchronous, limits, metrics);
}

}  // namespace

std::unique_ptr<Database> Database::open(const std::string& url, const Limits& limits, telemetry::Registry& metrics) {
  if (url.starts_with(kSqlite)) return open_sqlite(url.substr(kSqlite.size()), limits, metrics);
  if (url.starts_with("postgresql:") || url.starts_with("postgres:")) {
    return std::make_unique<postgresql::PostgresqlDatabase>(url, limits, metrics);
  }
  throw std::invalid_argument("a database URL starts with sqlite: or postgresql:");
}

void Database::migrate(std::span<const Migration> migrations) {
  const std::vector<Migration> steps(migrations.begin(), migrations.end());
  write_blocking({}, [steps](Tx& tx) { apply_migrations(tx, steps); });
}

}  // namespace agora::sql
