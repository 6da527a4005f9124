#include "libs/sql/database.hpp"

#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

#include "libs/sql/postgresql/postgresql_database.hpp"
#include "libs/sql/sqlite/sqlite_database.hpp"

namespace agora::sql {
namespace {

constexpr std::string_view kSqlite = "sqlite:";
constexpr std::string_view kSynchronousOff = "?synchronous=off";

/// Makes a folder that only we may enter, and its parents. A folder's own entry is durable once its parent is synced;
/// without that a power cut takes folder, database and all.
void make_folder(const std::filesystem::path& folder) {
  std::error_code ec;
  const bool made_now = std::filesystem::create_directories(folder, ec);
  if (!ec && made_now) std::filesystem::permissions(folder, std::filesystem::perms::owner_all, ec);
  if (ec) throw DatabaseError(DatabaseError::Kind::unavailable, "cannot make " + folder.string() + ": " + ec.message());
  for (auto made = std::filesystem::absolute(folder); made.has_relative_path(); made = made.parent_path()) {
    const int fd = ::open(made.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    // A parent that we may not read was not made by us just now.
    if (fd < 0) break;
    const int failed = ::fsync(fd);
    ::close(fd);
    if (failed != 0) {
      throw DatabaseError(DatabaseError::Kind::unavailable, "cannot sync " + made.parent_path().string());
    }
    // One that was there was made by a start that may have died before it synced this; those above it were there.
    if (!made_now) break;
  }
}

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
  if (!folder.empty()) make_folder(folder);
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

void Database::on_commit(std::function<void()> listener) {
  const std::lock_guard lock(listener_mutex_);
  listener_ = std::move(listener);
}

void Database::tell_committed() {
  const std::lock_guard lock(listener_mutex_);
  if (listener_) listener_();
}

void Database::migrate(std::span<const Migration> migrations) {
  const std::vector<Migration> steps(migrations.begin(), migrations.end());
  write_blocking({}, [steps](Tx& tx) { apply_migrations(tx, steps); });
}

}  // namespace agora::sql
