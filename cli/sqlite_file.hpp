#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/service_databases.hpp"

namespace agora::sql::sqlite {
class Connection;
}

namespace agora::cli {

/// A service's SQLite file. Opened read-only. Functions throw sql::DatabaseError. Not thread-safe.
class SqliteFile final : public DatabaseReader {
 public:
  /// Throws when it cannot be read, or is another program's database.
  explicit SqliteFile(const std::filesystem::path& path);
  ~SqliteFile() override;
  SqliteFile(const SqliteFile&) = delete;
  SqliteFile& operator=(const SqliteFile&) = delete;

  /// A WAL cannot be copied away so long.
  void snapshot(const std::function<void(sql::Tx&)>& work) override;
  /// Writes a copy of one snapshot into an empty file that is there already (whose access rights it keeps): one file
  /// without a WAL, on disk when this returns.
  void copy_into(const std::filesystem::path& file);
  /// What SQLite's own check of the file complains of; empty: nothing.
  std::vector<std::string> damages();

 private:
  std::unique_ptr<sql::sqlite::Connection> connection_;
};

/// What `PRAGMA quick_check` complains of, on the snapshot; empty: nothing.
std::vector<std::string> damages(sql::Tx& tx);

/// Runs one write in a transaction of its own on a file nobody else has open; nothing stays in a WAL.
void write_once(const std::filesystem::path& path, const std::function<void(sql::Tx&)>& work);
/// Copies what the WAL holds into the file, as a service does when it stops. False: the WAL could not be emptied.
bool empty_wal(const std::filesystem::path& path);

}  // namespace agora::cli
