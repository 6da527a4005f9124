// The one file of cli/ that knows SQLite, through libs/sql's connections.

#include "cli/sqlite_file.hpp"

#include "cli/files.hpp"
#include "libs/sql/sqlite/connection.hpp"

namespace agora::cli {
namespace {

namespace fs = std::filesystem;
using sql::sqlite::Connection;
using sql::sqlite::Mode;
using sql::sqlite::SqliteTx;

constexpr const char* kDurable = "FULL";
/// "Agor", as libs/sql marks its files.
constexpr std::int64_t kApplicationId = 0x41676F72;
constexpr sql::Sql kQuickCheck{"PRAGMA quick_check"};

/// An open transaction; rolled back when it goes without a commit.
class Transaction {
 public:
  Transaction(Connection& connection, const char* begin) : connection_(connection) { connection_.exec(begin); }
  ~Transaction() {
    if (!connection_.in_transaction()) return;
    try {
      connection_.exec("ROLLBACK");
    } catch (const sql::DatabaseError&) {
      // The connection is about to be closed, which rolls back as well.
    }
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit() { connection_.exec("COMMIT"); }

 private:
  Connection& connection_;
};

std::string quoted(const fs::path& path) {
  std::string text = "'";
  for (const char c : path.string()) text += c == '\'' ? std::string("''") : std::string(1, c);
  return text + "'";
}

/// For reading alone.
std::unique_ptr<Connection> open(const fs::path& path) {
  const auto refuse = [&](const std::string& why) { throw std::runtime_error(path.string() + " " + why); };
  if (!fs::is_regular_file(path)) refuse("is not there");
  auto connection = std::make_unique<Connection>(path.string(), Mode::read_only, kDurable);
  if (connection->pragma("PRAGMA application_id") != kApplicationId) refuse("is another program's database");
  return connection;
}

bool checkpoint(Connection& connection) {
  const auto wal = connection.checkpoint(SQLITE_CHECKPOINT_TRUNCATE);
  return wal.pages == wal.copied && wal.pages >= 0;
}

}  // namespace

SqliteFile::SqliteFile(const fs::path& path) : connection_(open(path)) {}

SqliteFile::~SqliteFile() = default;

void SqliteFile::snapshot(const std::function<void(sql::Tx&)>& work) {
  const Transaction transaction(*connection_, "BEGIN");
  // A deferred transaction takes its snapshot with the first read.
  connection_->pragma("SELECT count(*) FROM sqlite_master");
  SqliteTx tx(*connection_);
  work(tx);
}

void SqliteFile::copy_into(const fs::path& file) {
  // The copy is written through this connection; the file itself stays open for reading only.
  connection_->exec("PRAGMA query_only=0");
  connection_->exec(("VACUUM INTO " + quoted(file)).c_str());
  connection_->exec("PRAGMA query_only=1");
  sync(file);
}

std::vector<std::string> SqliteFile::damages() {
  std::vector<std::string> found;
  snapshot([&](sql::Tx& tx) { found = cli::damages(tx); });
  return found;
}

std::vector<std::string> damages(sql::Tx& tx) {
  std::vector<std::string> found;
  auto rows = tx.query(kQuickCheck);
  while (rows.next()) {
    if (rows.text(0) != "ok") found.emplace_back(rows.text(0));
  }
  return found;
}

void write_once(const fs::path& path, const std::function<void(sql::Tx&)>& work) {
  {
    Connection connection(path.string(), Mode::read_write, kDurable);
    {
      Transaction transaction(connection, "BEGIN IMMEDIATE");
      SqliteTx tx(connection);
      work(tx);
      transaction.commit();
    }
    if (!checkpoint(connection)) {
      throw sql::DatabaseError(sql::DatabaseError::Kind::failed, path.string() + " is in use");
    }
  }
  fs::remove(path.string() + "-wal");
  fs::remove(path.string() + "-shm");
  sync(path);
}

bool empty_wal(const fs::path& path) {
  Connection connection(path.string(), Mode::read_write, kDurable);
  return checkpoint(connection);
}

}  // namespace agora::cli
