// agora audit: recounts what the services' databases hold, by queries of its own.

#include <algorithm>
#include <filesystem>
#include <iostream>

#include "cli/audit_checks.hpp"
#include "cli/command.hpp"
#include "cli/service_databases.hpp"
#include "libs/config/parser.hpp"
#include "libs/sql/error.hpp"

namespace agora::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDescription =
    "Recounts the services' databases, running or stopped, each as of one moment: orders, stock, money, events. Says\n"
    "for each invariant what it compared, what it could not, what is still under way, and every violation with its "
    "id.\n"
    "\n"
    "Examples:\n"
    "  agora audit --data ./data\n"
    "  agora audit --data ./data --history clients.jsonl     also what clients were told (I1, I2)\n"
    "  agora audit --data ./data --json\n"
    "  AGORA_ORDER_DB_FILE=order.url AGORA_NOTIFICATION_DB_FILE=notification.url agora audit     PostgreSQL\n"
    "\n"
    "A history has a JSON object per line: "
    "{\"op\":\"invoke|ok|fail|info\",\"type\":\"place|cancel\",\"order_id\":...,\n"
    "\"key\":...,\"status\":...,\"body\":...}; info: no answer came.\n"
    "Exit codes: 0 clean; 1 violations, or a damaged file; 2 a database is not ours, or cannot be read now.\n";

struct Settings {
  std::string data = "data";
  DatabaseSettings databases{};
  std::string history;
  bool json = false;

  std::optional<int> parse(int argc, const char* const* argv) {
    config::Parser parser("agora audit", kDescription, "AGORA_AUDIT_");
    parser.option("data", data, "Folder of the SQLite files, of services without a URL", {.env = "AGORA_DATA"});
    databases.add_to(parser);
    parser.option("history", history, "File of what clients asked and heard");
    parser.flag("json", json, "Print JSON");
    return parser.parse(argc, argv);
  }
};

void audit_order(sql::Tx& tx, const Settings& settings, Report& report) {
  std::optional<fs::path> history;
  if (!settings.history.empty()) history = settings.history;
  audit_order_history(tx, history, report);
  audit_order_stock(tx, report);
  audit_order_events(tx, report);
  audit_order_told(tx, report);
  audit_order_states(tx, report);
  audit_order_fulfillments(tx, report);
  audit_order_amounts(tx, report);
}

/// Of the service's own database alone.
void audit_own(const ServiceDatabase& database, const Settings& settings, Report& report) {
  open_to_read(database)->snapshot([&](sql::Tx& tx) {
    audit_file(tx, report);
    if (!report.violations().empty()) return;
    if (database.service.name == "order") audit_order(tx, settings, report);
    if (database.service.name == "notification") audit_notifications(tx, report);
    audit_inbox(tx, report);
  });
}

/// The same. False: it is damaged, and nothing else could be said of it.
bool is_sound(const ServiceDatabase& database, const Settings& settings, Report& report) {
  try {
    audit_own(database, settings, report);
  } catch (const sql::DatabaseError& error) {
    if (error.retry_helps()) throw sql::DatabaseError(error.kind(), database.name + ": " + error.what());
    report.violated({"file", "file", database.name, error.what()});
  }
  const auto& found = report.violations();
  const bool damaged =
      std::any_of(found.begin(), found.end(), [](const auto& violation) { return violation.invariant == "file"; });
  if (damaged) report.not_checked("all", "the database is damaged: put a copy back (agora restore)");
  return !damaged;
}

/// Of what others told the service.
void audit_heard(const ServiceDatabase& database, const std::vector<const ServiceDatabase*>& sound, Report& report) {
  for (const auto& publisher : publishers_for(database.service.name)) {
    const auto log =
        std::find_if(sound.begin(), sound.end(), [&](const auto* other) { return other->service.name == publisher; });
    open_to_read(database)->snapshot([&](sql::Tx& tx) {
      const auto compare = [&](sql::Tx* publishers) {
        audit_delivery(tx, publishers, publisher, database.service.name, report);
      };
      if (log == sound.end()) return compare(nullptr);
      // The later snapshot: whatever was read is in it.
      open_to_read(**log)->snapshot([&](sql::Tx& publishers) { compare(&publishers); });
    });
  }
}

}  // namespace

int audit(int argc, const char* const* argv) {
  Settings settings;
  if (const auto code = settings.parse(argc, argv)) return *code;
  const auto databases = settings.databases.all(settings.data);
  std::vector<Audited> all;
  std::vector<const ServiceDatabase*> sound;
  for (const auto& database : databases) {
    auto& audited = all.emplace_back();
    audited.service = database.service.name;
    audited.database = database.name;
    if (is_sound(database, settings, audited.report)) sound.push_back(&database);
  }
  for (const auto* database : sound) {
    const auto audited =
        std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.service == database->service.name; });
    audit_heard(*database, sound, audited->report);
  }
  if (settings.json) {
    print_json(as_json(all));
  } else {
    std::cout << as_text(all) << std::flush;
  }
  return count_violations(all) == 0 ? kDone : kBad;
}

}  // namespace agora::cli
