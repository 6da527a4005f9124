// agora migrate copy: a service goes over from SQLite to PostgreSQL.

#include <filesystem>
#include <iostream>

#include "cli/command.hpp"
#include "cli/database_copy.hpp"
#include "cli/files.hpp"
#include "cli/postgresql_database.hpp"
#include "cli/services.hpp"
#include "cli/sqlite_file.hpp"
#include "libs/config/parser.hpp"
#include "libs/json/writer.hpp"
#include "libs/sql/error.hpp"
#include "libs/sql/postgresql/connection.hpp"

namespace agora::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDescription =
    "Copies a service's SQLite file into an empty PostgreSQL database, while the service is stopped: every row, with "
    "the\n"
    "same ids, numbers and log_id, so that its consumers and its own positions hold. The file is not changed; do not\n"
    "start a service on it again. All or nothing: one transaction.\n"
    "\n"
    "Examples:\n"
    "  agora migrate --service order --database postgresql:///agora_order\n"
    "  agora migrate copy --service order --from ./data/order.db --to postgresql:///agora_order\n"
    "  AGORA_MIGRATE_COPY_TO_FILE=url.txt agora migrate copy --service order --from ./data/order.db\n"
    "\n"
    "Exit codes: 0 it is copied; 2 a service runs, the target is not empty, or their schemas are not the same.\n";

struct Settings {
  std::string service;
  std::string from;
  Secret<std::string> to{};
  bool json = false;

  std::optional<int> parse(int argc, const char* const* argv) {
    config::Parser parser("agora migrate copy", kDescription, "AGORA_MIGRATE_COPY_");
    parser.option("service", service, "Whose database it is: order");
    parser.option("from", from, "Its SQLite file");
    parser.option("to", to, "URL of an empty PostgreSQL database that agora migrate has made the tables of");
    parser.flag("json", json, "Print JSON");
    parser.rule([this]() -> std::optional<std::string> {
      if (find_service(service) == nullptr) return "--service must be one of: " + service_names();
      if (from.empty() || to.reveal().empty()) return "--from names the file, --to the database";
      return std::nullopt;
    });
    return parser.parse(argc, argv);
  }
};

}  // namespace

int migrate_copy(int argc, const char* const* argv) {
  Settings settings;
  if (const auto code = settings.parse(argc, argv)) return *code;
  const fs::path file = settings.from;
  const auto name = sql::postgresql::name_of(settings.to.reveal());
  SqliteFile source(file);
  // As the service would hold them.
  const auto folder_lock = lock_data_folder(file.has_parent_path() ? file.parent_path() : ".");
  const FileLock file_lock(file.string() + ".lock", file.string());
  PostgresqlDatabase target(settings.to.reveal());
  if (const auto session = target.used_by(); !session.empty()) {
    throw sql::FileInUse(name + " is in use by " + session + ": stop the service first");
  }
  DatabaseCopy copy([&](const sql::Sql& sql, std::span<const sql::Value> row) { target.insert(sql, row); });
  source.snapshot([&](sql::Tx& from) { target.write([&](sql::Tx& to) { copy.run(from, to); }); });
  std::string out;
  json::Writer json(out);
  json.begin_object().member("service", settings.service).member("from", file.string()).member("to", name);
  json.key("rows").begin_object();
  for (const auto& [table, rows] : copy.rows()) json.member(table, rows);
  json.end_object().end_object();
  if (settings.json) {
    print_json(out);
    return kDone;
  }
  std::cout << "copied " << settings.service << ": " << file.string() << " -> " << name << '\n';
  for (const auto& [table, rows] : copy.rows()) std::cout << "  " << table << ": " << rows << " rows\n";
  std::cout << std::flush;
  return kDone;
}

}  // namespace agora::cli
