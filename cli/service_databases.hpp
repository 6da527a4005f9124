#pragma once
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/services.hpp"
#include "libs/base/secret.hpp"
#include "libs/config/parser.hpp"
#include "libs/sql/tx.hpp"

namespace agora::cli {

/// A service's database as it is read beside the service that writes it, or without one: nothing of it is ever changed.
/// Functions throw sql::DatabaseError. Not thread-safe.
class DatabaseReader {
 public:
  virtual ~DatabaseReader() = default;
  /// Runs `work` on one snapshot, whatever is written meanwhile.
  virtual void snapshot(const std::function<void(sql::Tx&)>& work) = 0;
};

/// Whether there is a table or a view of a name.
bool has_table(sql::Tx& tx, std::string_view name);
bool has_column(sql::Tx& tx, std::string_view table, std::string_view name);

/// A service's database, wherever it is.
struct ServiceDatabase {
  const Service& service;
  std::string url;
  std::string name;  ///< for people: a file, or a URL without user, password and parameters
};
/// `sqlite:…` or `postgresql://…`. Throws std::runtime_error when it is not there, or another program's.
std::unique_ptr<DatabaseReader> open_to_read(const ServiceDatabase& database);

/// Settings that say where each service's database is: the URL that the service itself is given, or its file in a
/// folder.
class DatabaseSettings {
 public:
  /// Adds `--<service>-db` for each, with the service's own variable (AGORA_ORDER_DB, …_FILE). Must outlive the parser.
  void add_to(config::Parser& parser);
  /// Those that have a URL, and the files that are in `folder`. Throws when there is none: it is the wrong folder.
  std::vector<ServiceDatabase> all(const std::filesystem::path& folder) const;

 private:
  std::map<std::string, Secret<std::string>> urls_{};
};

}  // namespace agora::cli
