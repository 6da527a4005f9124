// agora restore: puts copies back while nothing runs, and renews the logs' ids, as numbers now mean other events. What
// PostgreSQL's own tools put back has its log's id renewed alone.

#include <iostream>
#include <system_error>

#include "cli/command.hpp"
#include "cli/copies.hpp"
#include "cli/files.hpp"
#include "cli/log_ids.hpp"
#include "cli/postgresql_database.hpp"
#include "cli/sqlite_file.hpp"
#include "libs/config/parser.hpp"
#include "libs/json/writer.hpp"
#include "libs/sql/error.hpp"
#include "libs/sql/postgresql/connection.hpp"

namespace agora::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDescription =
    "Puts copies of agora backup back, while the services are stopped. What is there is kept under another name.\n"
    "\n"
    "Examples:\n"
    "  agora restore --from ./copies/monday --data ./data\n"
    "  agora restore --from ./copies/monday --data ./data --dry-run     checks the copies, changes nothing\n"
    "  agora restore --service order --database postgresql:///agora_order\n"
    "                      after pg_restore, or a recovery to a point in time: renews the log's id, all that is "
    "missing\n"
    "\n"
    "Each log gets a new log_id: whoever consumed it before stops, degraded, until it is rebuilt.\n"
    "Exit codes: 0 all are back; 1 a copy is damaged, nothing was changed; 2 a service runs, or files are missing.\n";

struct Settings {
  std::string data = "data";
  std::string from;
  std::string service;
  Secret<std::string> database{};
  bool json = false;
  bool dry_run = false;

  std::optional<int> parse(int argc, const char* const* argv) {
    config::Parser parser("agora restore", kDescription, "AGORA_RESTORE_");
    parser.option("data", data, "Folder of the databases", {.env = "AGORA_DATA"});
    parser.option("from", from, "Folder of the copies");
    parser.option("service", service, "Whose --database it is: order");
    parser.option("database", database, "URL of a PostgreSQL database that its own tools have put back");
    parser.flag("json", json, "Print JSON");
    parser.flag("dry-run", dry_run, "Check the copies and that nothing runs; change nothing");
    parser.rule([this]() -> std::optional<std::string> {
      const bool has_database = !database.reveal().empty();
      if (has_database && find_service(service) == nullptr) return "--service must be one of: " + service_names();
      if (has_database == from.empty()) return std::nullopt;
      return "--from names the folder of the copies; or --database what PostgreSQL's own tools have put back";
    });
    return parser.parse(argc, argv);
  }
};

fs::path beside(const fs::path& file, const std::string& suffix) {
  return file.string() + suffix;
}

/// Whether all copies are sound; says which are not.
bool all_sound(const std::vector<DatabaseFile>& copies) {
  bool sound = true;
  for (const auto& copy : copies) {
    const auto complain = [&](const std::string& damage) {
      sound = false;
      say("restore: " + copy.path.string() + " is damaged: " + damage);
    };
    try {
      for (const auto& damage : SqliteFile(copy.path).damages()) complain(damage);
    } catch (const std::runtime_error& error) {
      complain(error.what());
    }
  }
  return sound;
}

std::string note_of(const std::optional<std::string>& log_id) {
  return log_id ? "its log is now " + *log_id + "; who consumes it waits for agora events rebuild"
                : "it has no log, so there is no log_id to renew";
}

/// The copy under a name that no service opens, its log renewed.
Copied prepare(const DatabaseFile& source, const fs::path& data) {
  const auto target = data / source.service.database;
  const auto temporary = beside(target, ".restoring");
  for (const auto* suffix : {"", "-wal", "-shm"}) fs::remove(beside(temporary, suffix));
  make_private_file(temporary);
  SqliteFile(source.path).copy_into(temporary);
  Copied copied{.service = std::string(source.service.name), .from = source.path, .to = target};
  write_once(temporary, [&](sql::Tx& tx) { copied.log_id = renew_log_id(tx); });
  copied.note = note_of(copied.log_id);
  give_to_owner_of(data, temporary);
  copied.bytes = fs::file_size(temporary);
  return copied;
}

/// Keeps what is there as `kept`, so that at every moment the file is one of the two. A WAL that belongs to the old
/// file must be gone before the new one has its name: SQLite would read it into the new one.
void keep(const fs::path& file, const fs::path& kept) {
  bool is_emptied = false;
  try {
    is_emptied = empty_wal(file);
  } catch (const sql::DatabaseError& error) {
    say("restore: what was there cannot be opened (" + std::string(error.what()) + "); it is kept as it is");
  }
  std::error_code no_links;
  fs::create_hard_link(file, kept, no_links);
  if (no_links) fs::rename(file, kept);
  if (is_emptied) {
    fs::remove(beside(file, "-wal"));
  } else if (fs::exists(beside(file, "-wal"))) {
    fs::rename(beside(file, "-wal"), beside(kept, "-wal"));
  }
  fs::remove(beside(file, "-shm"));
}

/// A name for what was there, by the time it was replaced.
fs::path name_to_keep(const fs::path& file) {
  auto time = to_rfc3339(SystemClock().now());
  std::erase_if(time, [](char c) { return c == '-' || c == ':' || c == '.'; });
  return beside(file, ".replaced-" + time);
}

void put_in_place(Copied& copied, const fs::path& data) {
  if (fs::exists(copied.to)) {
    copied.kept = name_to_keep(copied.to);
    keep(copied.to, *copied.kept);
  } else {
    // Of a file that somebody took away.
    for (const auto* suffix : {"-wal", "-shm"}) fs::remove(beside(copied.to, suffix));
  }
  sync(data);
  fs::rename(beside(copied.to, ".restoring"), copied.to);
  sync(data);
}

std::vector<Copied> plan(const std::vector<DatabaseFile>& sources, const fs::path& data) {
  std::vector<Copied> copies;
  for (const auto& source : sources) {
    copies.push_back({.service = std::string(source.service.name),
                      .from = source.path,
                      .to = data / source.service.database,
                      .bytes = fs::file_size(source.path)});
  }
  return copies;
}

/// Of a database on a server, which is there already.
void renew(const Settings& settings) {
  const auto& url = settings.database.reveal();
  const auto name = sql::postgresql::name_of(url);
  PostgresqlDatabase database(url);
  if (const auto session = database.used_by(); !session.empty()) {
    throw sql::FileInUse(name + " is in use by " + session + ": stop the service first");
  }
  std::optional<std::string> log_id;
  if (!settings.dry_run) database.write([&](sql::Tx& tx) { log_id = renew_log_id(tx); });
  std::string out;
  json::Writer json(out);
  json.begin_object().member("service", settings.service).member("database", name);
  if (log_id) json.member("log_id", *log_id);
  json.end_object();
  if (settings.json) return print_json(out);
  std::cout << (settings.dry_run ? "would renew " : "renewed ") << settings.service << ": " << name << '\n';
  if (!settings.dry_run) std::cout << "  " << note_of(log_id) << '\n';
  std::cout.flush();
}

}  // namespace

int restore(int argc, const char* const* argv) {
  Settings settings;
  if (const auto code = settings.parse(argc, argv)) return *code;
  if (settings.from.empty()) {
    renew(settings);
    return kDone;
  }
  const fs::path data = settings.data;
  const auto sources = databases_in(settings.from);
  if (fs::exists(data) && fs::equivalent(settings.from, data)) {
    throw std::runtime_error("--from and --data are the same folder");
  }
  if (!all_sound(sources)) return kBad;
  if (settings.dry_run && !fs::exists(data)) {
    print_copies(plan(sources, data), "would restore", settings.json);
    return kDone;
  }
  make_folder(data);
  // All of them, before anything is written.
  std::vector<FileLock> locks;
  locks.push_back(lock_data_folder(data));
  for (const auto& source : sources) {
    const auto target = data / source.service.database;
    locks.emplace_back(beside(target, ".lock"), target.string());
    give_to_owner_of(data, beside(target, ".lock"));
  }
  if (settings.dry_run) {
    print_copies(plan(sources, data), "would restore", settings.json);
    return kDone;
  }
  std::vector<Copied> copies;
  for (const auto& source : sources) copies.push_back(prepare(source, data));
  for (auto& copied : copies) put_in_place(copied, data);
  print_copies(copies, "restored", settings.json);
  return kDone;
}

}  // namespace agora::cli
