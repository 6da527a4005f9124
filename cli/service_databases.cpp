#include "cli/service_databases.hpp"

#include <stdexcept>

#include "cli/postgresql_database.hpp"
#include "cli/sqlite_file.hpp"
#include "libs/sql/postgresql/connection.hpp"

namespace agora::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSqlite = "sqlite:";
constexpr sql::Sql kTable{"SELECT 1 FROM sqlite_master WHERE type IN ('table', 'view') AND name = $1",
                          "SELECT 1 WHERE to_regclass($1) IS NOT NULL"};
constexpr sql::Sql kColumn{
    "SELECT 1 FROM pragma_table_info($1) WHERE name = $2",
    "SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass($1) AND CAST(attname AS TEXT) = $2 AND NOT attisdropped"};

bool is_file(const std::string& url) {
  return url.starts_with(kSqlite);
}

fs::path file_of(const std::string& url) {
  return url.substr(kSqlite.size());
}

}  // namespace

bool has_table(sql::Tx& tx, std::string_view name) {
  auto rows = tx.query(kTable, {name});
  return rows.next();
}

bool has_column(sql::Tx& tx, std::string_view table, std::string_view name) {
  auto rows = tx.query(kColumn, {table, name});
  return rows.next();
}

std::unique_ptr<DatabaseReader> open_to_read(const ServiceDatabase& database) {
  if (is_file(database.url)) return std::make_unique<SqliteFile>(file_of(database.url));
  return std::make_unique<PostgresqlDatabase>(database.url);
}

void DatabaseSettings::add_to(config::Parser& parser) {
  for (const auto& service : services()) {
    const std::string name(service.name);
    parser.option(name + "-db", urls_[name], "Database URL of " + name + ", as that service is given it",
                  {.env = variable(service, "DB")});
  }
}

std::vector<ServiceDatabase> DatabaseSettings::all(const fs::path& folder) const {
  std::vector<ServiceDatabase> found;
  for (const auto& service : services()) {
    const auto set = urls_.find(std::string(service.name));
    auto url = set == urls_.end() ? std::string() : set->second.reveal();
    if (url.empty() && fs::exists(folder / service.database)) {
      url = std::string(kSqlite) + (folder / service.database).string();
    }
    if (url.empty()) continue;
    auto name = is_file(url) ? file_of(url).string() : sql::postgresql::name_of(url);
    found.push_back({service, std::move(url), std::move(name)});
  }
  if (found.empty()) throw std::runtime_error("there is no database of a service in " + folder.string());
  return found;
}

}  // namespace agora::cli
