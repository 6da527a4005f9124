#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libs/sql/tx.hpp"

namespace agora::sql::sqlite {
class Connection;
}

namespace agora::cli {

/// A service's SQLite file, read beside the service that writes it, or without one. Opened read-only: nothing of the
/// database is ever changed. Functions throw sql::DatabaseError. Not thread-safe.
class SqliteFile {
 public:
  /// A second file whose tables are read beside this one's, by the name `schema.table`.
  struct Attached {
    std::string schema;
    std::filesystem::path path;
  };
  /// Throws when one of them cannot be read, or is another program's database.
  explicit SqliteFile(const std::filesystem::path& path, const std::optional<Attached>& attached = std::nullopt);
  ~SqliteFile();
  SqliteFile(const SqliteFile&) = delete;
  SqliteFile& operator=(const SqliteFile&) = delete;

  /// Runs `work` on one snapshot of each file, that of the attached one taken later, whatever is written meanwhile. A
  /// WAL cannot be copied away so long.
  void snapshot(const std::function<void(sql::Tx&)>& work);
  /// Writes a copy of one snapshot into an empty file that is there already (whose access rights it keeps): one file
  /// without a WAL, on disk when this returns.
  void copy_into(const std::filesystem::path& file);
  /// What SQLite's own check of the file complains of; empty: nothing.
  std::vector<std::string> damages();

 private:
  std::optional<Attached> attached_;
  std::unique_ptr<sql::sqlite::Connection> connection_;
};

/// What `PRAGMA quick_check` complains of, on the snapshot; empty: nothing.
std::vector<std::string> damages(sql::Tx& tx);
bool has_table(sql::Tx& tx, std::string_view name);

/// Runs one write in a transaction of its own on a file nobody else has open; nothing stays in a WAL.
void write_once(const std::filesystem::path& path, const std::function<void(sql::Tx&)>& work);
/// Copies what the WAL holds into the file, as a service does when it stops. False: the WAL could not be emptied.
bool empty_wal(const std::filesystem::path& path);

}  // namespace agora::cli
