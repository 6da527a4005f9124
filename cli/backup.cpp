// agora backup: a consistent copy of each service's file, while the service writes it or not.

#include <system_error>
#include <unistd.h>

#include "cli/command.hpp"
#include "cli/copies.hpp"
#include "cli/files.hpp"
#include "cli/sqlite_file.hpp"
#include "libs/config/parser.hpp"

namespace agora::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDescription =
    "Copies the services' SQLite files, running or stopped: each as of one moment, on disk when this ends.\n"
    "\n"
    "Examples:\n"
    "  agora backup --data ./data --to ./copies/monday\n"
    "  agora backup --data ./data --to ./copies/monday --json\n"
    "\n"
    "Exit codes: 0 all are copied; 2 nothing could be copied, or a copy is there already.\n"
    "The service token is not copied: agora up makes a new one. PostgreSQL has tools of its own (pg_dump).\n";

struct Settings {
  std::string data = "data";
  std::string to;
  bool json = false;
  bool dry_run = false;

  std::optional<int> parse(int argc, const char* const* argv) {
    config::Parser parser("agora backup", kDescription, "AGORA_BACKUP_");
    parser.option("data", data, "Folder of the databases", {.env = "AGORA_DATA"});
    parser.option("to", to, "Folder that gets the copies; made if it is not there");
    parser.flag("json", json, "Print JSON");
    parser.flag("dry-run", dry_run, "Print what would be copied, copy nothing");
    parser.rule([this]() -> std::optional<std::string> {
      if (!to.empty()) return std::nullopt;
      return "--to names the folder that gets the copies";
    });
    return parser.parse(argc, argv);
  }
};

/// A file that goes with it, unless it got its right name before.
class Temporary {
 public:
  explicit Temporary(fs::path path) : path_(std::move(path)) { make_private_file(path_); }
  ~Temporary() {
    std::error_code gone;
    for (const auto* suffix : {"", "-journal"}) fs::remove(path_.string() + suffix, gone);
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// Writes the copy under another name first: whoever sees the right name sees all of it.
Copied copy(const DatabaseFile& file, const fs::path& folder) {
  const auto target = folder / file.service.database;
  const Temporary temporary(folder / ("." + std::string(file.service.database) + "." + std::to_string(::getpid())));
  SqliteFile(file.path).copy_into(temporary.path());
  rename_to_new(temporary.path(), target);
  sync(folder);
  return {.service = std::string(file.service.name), .from = file.path, .to = target, .bytes = fs::file_size(target)};
}

}  // namespace

int backup(int argc, const char* const* argv) {
  Settings settings;
  if (const auto code = settings.parse(argc, argv)) return *code;
  const auto files = databases_in(settings.data);
  for (const auto& file : files) {
    const auto target = fs::path(settings.to) / file.service.database;
    if (fs::exists(target)) throw std::runtime_error(target.string() + " is there already; name another folder");
  }
  std::vector<Copied> copies;
  if (settings.dry_run) {
    for (const auto& file : files) {
      copies.push_back({.service = std::string(file.service.name),
                        .from = file.path,
                        .to = fs::path(settings.to) / file.service.database,
                        .bytes = fs::file_size(file.path)});
    }
    print_copies(copies, "would copy", settings.json);
    return kDone;
  }
  make_folder(settings.to);
  // Who consumes goes before whom it consumes: no copy knows more of a log than the log's own copy.
  for (auto file = files.rbegin(); file != files.rend(); ++file) copies.push_back(copy(*file, settings.to));
  print_copies(copies, "copied", settings.json);
  return kDone;
}

}  // namespace agora::cli
