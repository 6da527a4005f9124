// agora audit: recounts what the services' databases hold, by queries of its own.

#include <algorithm>
#include <filesystem>
#include <iostream>

#include "cli/audit_checks.hpp"
#include "cli/command.hpp"
#include "cli/copies.hpp"
#include "cli/sqlite_file.hpp"
#include "libs/config/parser.hpp"

namespace agora::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDescription =
    "Recounts the services' SQLite files, running or stopped, each as of one moment: orders, stock, money, events. "
    "Says\n"
    "for each invariant what it compared, what it could not, what is still under way, and every violation with its "
    "id.\n"
    "\n"
    "Examples:\n"
    "  agora audit --data ./data\n"
    "  agora audit --data ./data --history clients.jsonl     also what clients were told (I1, I2)\n"
    "  agora audit --data ./data --json\n"
    "\n"
    "A history has a JSON object per line: "
    "{\"op\":\"invoke|ok|fail|info\",\"type\":\"place|cancel\",\"order_id\":...,\n"
    "\"key\":...,\"status\":...,\"body\":...}; info: no answer came.\n"
    "Exit codes: 0 clean; 1 violations, or a damaged file; 2 a file is not ours, or cannot be read now.\n";

struct Settings {
  std::string data = "data";
  std::string history;
  bool json = false;

  std::optional<int> parse(int argc, const char* const* argv) {
    config::Parser parser("agora audit", kDescription, "AGORA_AUDIT_");
    parser.option("data", data, "Folder of the databases", {.env = "AGORA_DATA"});
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
  audit_order_amounts(tx, report);
}

/// Of the service's own file alone.
void audit_own(const DatabaseFile& file, const Settings& settings, Report& report) {
  SqliteFile(file.path).snapshot([&](sql::Tx& tx) {
    audit_file(tx, report);
    if (!report.violations().empty()) return;
    if (file.service.name == "order") audit_order(tx, settings, report);
    if (file.service.name == "notification") audit_notifications(tx, report);
    audit_inbox(tx, report);
  });
}

/// The same. False: the file is damaged, and nothing else could be said of it.
bool is_sound(const DatabaseFile& file, const Settings& settings, Report& report) {
  try {
    audit_own(file, settings, report);
  } catch (const sql::DatabaseError& error) {
    if (error.retry_helps()) throw sql::DatabaseError(error.kind(), file.path.string() + ": " + error.what());
    report.violated({"file", "file", file.path.string(), error.what()});
  }
  const auto& found = report.violations();
  const bool damaged =
      std::any_of(found.begin(), found.end(), [](const auto& violation) { return violation.invariant == "file"; });
  if (damaged) report.not_checked("all", "the file is damaged: put a copy back (agora restore)");
  return !damaged;
}

/// Of what others told the service.
void audit_heard(const DatabaseFile& file, const std::vector<DatabaseFile>& sound, Report& report) {
  for (const auto& publisher : publishers_for(file.service.name)) {
    std::optional<SqliteFile::Attached> log;
    for (const auto& other : sound) {
      if (other.service.name == publisher) log.emplace(SqliteFile::Attached{"publisher", other.path});
    }
    SqliteFile(file.path, log).snapshot([&](sql::Tx& tx) {
      audit_delivery(tx, publisher, file.service.name, log ? HasLog::yes : HasLog::no, report);
    });
  }
}

}  // namespace

int audit(int argc, const char* const* argv) {
  Settings settings;
  if (const auto code = settings.parse(argc, argv)) return *code;
  const auto files = databases_in(settings.data);
  std::vector<Audited> all;
  std::vector<DatabaseFile> sound;
  for (const auto& file : files) {
    auto& audited = all.emplace_back();
    audited.service = file.service.name;
    audited.file = file.path.string();
    if (is_sound(file, settings, audited.report)) sound.push_back(file);
  }
  for (const auto& file : sound) {
    const auto audited =
        std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.service == file.service.name; });
    audit_heard(file, sound, audited->report);
  }
  if (settings.json) {
    print_json(as_json(all));
  } else {
    std::cout << as_text(all) << std::flush;
  }
  return count_violations(all) == 0 ? kDone : kBad;
}

}  // namespace agora::cli
