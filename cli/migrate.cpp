// agora migrate: a service's schema, brought up to date ahead of the service's own start.

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <set>
#include <span>

#include "cli/command.hpp"
#include "cli/services.hpp"
#include "libs/config/parser.hpp"
#include "libs/json/writer.hpp"
#include "libs/sql/database.hpp"
#include "libs/telemetry/metrics.hpp"
#include "services/notification/store/notification_store.hpp"
#include "services/order/store/order_store.hpp"

namespace agora::cli {
namespace {

constexpr const char* kDescription =
    "Brings a service's database to the newest schema this program knows. Services do so themselves when they start;\n"
    "this is for doing it before, or with another user's rights. Repeating it changes nothing.\n"
    "\n"
    "Examples:\n"
    "  agora migrate --service order --database sqlite:./data/order.db\n"
    "  AGORA_MIGRATE_DATABASE_FILE=url.txt agora migrate --service order     the URL holds a password\n"
    "  agora migrate --service order --database postgresql:///agora_order --dry-run\n"
    "\n"
    "Exit codes: 0 it is up to date; 2 it could not be read or written, is in use, or its history is another.\n";

constexpr sql::Sql kHasHistory{
    "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'",
    "SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = "
    "'schema_migrations'"};
constexpr sql::Sql kHistory{"SELECT number FROM schema_migrations"};

struct Schema {
  std::string_view service;
  std::span<const sql::Migration> (*migrations)();
};

/// The services whose migrations are linked here.
constexpr Schema kSchemas[] = {{"order", order::migrations}, {"notification", notification::migrations}};

struct Settings {
  Secret<std::string> database{};
  std::string service;
  bool json = false;
  bool dry_run = false;

  std::optional<int> parse(int argc, const char* const* argv) {
    config::Parser parser("agora migrate", kDescription, "AGORA_MIGRATE_");
    parser.option("database", database, "Database URL: sqlite:DIR/order.db or postgresql://...");
    parser.option("service", service, "Whose database it is: order");
    parser.flag("json", json, "Print JSON");
    parser.flag("dry-run", dry_run, "Print which steps are missing, change nothing");
    parser.rule([this]() -> std::optional<std::string> {
      if (!database.reveal().empty()) return std::nullopt;
      return "--database is the URL of the database";
    });
    parser.rule([this]() -> std::optional<std::string> {
      for (const auto& schema : kSchemas) {
        if (schema.service == service) return std::nullopt;
      }
      return "--service must be one of: " + service_names();
    });
    return parser.parse(argc, argv);
  }
};

std::set<std::int64_t> applied(sql::Database& database) {
  const auto has_history = database.read_blocking({}, [](sql::Tx& tx) {
    auto rows = tx.query(kHasHistory);
    return rows.next() && rows.int64(0) > 0;
  });
  if (!has_history) return {};
  return database.read_blocking({}, [](sql::Tx& tx) {
    std::set<std::int64_t> numbers;
    auto rows = tx.query(kHistory);
    while (rows.next()) numbers.insert(rows.int64(0));
    return numbers;
  });
}

void print(const std::vector<std::string>& steps, const std::string& done, bool as_json) {
  std::string out;
  json::Writer json(out);
  json.begin_object().key(done).begin_array();
  for (const auto& step : steps) {
    json.value(step);
    if (!as_json) std::cout << done << ' ' << step << '\n';
  }
  json.end_array().end_object();
  if (as_json) return print_json(out);
  if (steps.empty()) std::cout << "nothing to do: the schema is up to date\n";
  std::cout.flush();
}

bool is_absent_file(const std::string& url) {
  static constexpr std::string_view kSqlite = "sqlite:";
  return url.starts_with(kSqlite) && !std::filesystem::exists(url.substr(kSqlite.size()));
}

}  // namespace

int migrate(int argc, const char* const* argv) {
  Settings settings;
  if (const auto code = settings.parse(argc, argv)) return *code;
  const auto& url = settings.database.reveal();
  const auto* schema = std::find_if(std::begin(kSchemas), std::end(kSchemas),
                                    [&](const auto& known) { return known.service == settings.service; });
  const auto steps = schema->migrations();
  telemetry::Registry metrics;
  std::set<std::int64_t> before;
  // Looking must not make the file.
  const bool only_look_at_nothing = settings.dry_run && is_absent_file(url);
  if (!only_look_at_nothing) {
    const auto database = sql::Database::open(url, {}, metrics);
    before = applied(*database);
    if (!settings.dry_run) database->migrate(steps);
    database->close();
  }
  std::vector<std::string> names;
  for (const auto& step : steps) {
    if (!before.contains(step.number)) names.emplace_back(step.name);
  }
  print(names, settings.dry_run ? "missing" : "applied", settings.json);
  return kDone;
}

}  // namespace agora::cli
