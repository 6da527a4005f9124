#pragma once
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include <libpq-fe.h>

#include "libs/sql/postgresql/parameters.hpp"
#include "libs/sql/postgresql/sql_error.hpp"

namespace agora::sql::postgresql {

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultPtr = std::unique_ptr<PGresult, ClearResult>;

/// How many rows a statement must touch.
enum class Touches { any, one };

/// One libpq connection with its prepared statements, in pipeline mode: statements are sent without waiting, and
/// settle() waits for all of them. Not thread-safe. After an SqlError that says connection_lost() it is gone, and
/// connect() makes a new one.
class Connection {
 public:
  /// `idle_in_transaction_max`: how long the server keeps a transaction open whose process does nothing.
  Connection(std::string url, std::chrono::milliseconds idle_in_transaction_max)
      : url_(std::move(url)), idle_in_transaction_max_(idle_in_transaction_max) {}
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool alive() const { return db_ != nullptr && PQstatus(db_) == CONNECTION_OK; }
  /// Makes sure there is a connection. Throws DatabaseError unavailable.
  void connect();
  void drop();

  /// Sends the beginning of a transaction; it travels with the first statement. No statement may then take longer than
  /// `time_max`, waiting for locks included; zero: as long as it wants.
  void begin(const char* literal, std::chrono::milliseconds time_max);
  /// Sends a statement: prepared when this connection first sees the literal. Its errors are settle()'s.
  void send(const char* literal, std::span<const Value> parameters, Touches touches = Touches::any);
  /// Ends what was sent with a sync, so that the server can say of each statement what became of it and, should this
  /// process stop here, knows that it waits for us.
  void sync();

  struct Settled {
    std::vector<std::int64_t> counts;  ///< rows touched by each statement sent since the last settle()
    ResultPtr last;                    ///< of the last one
  };
  /// Waits for everything sent. Throws the first error: SqlError, or DatabaseError row_count.
  Settled settle();
  /// Sends COMMIT and waits. DatabaseError failed when the server rolled back instead; SqlError.
  void commit();
  /// Ends the transaction, if there is one, without effect.
  void roll_back();
  /// Whether the server has already said that it ended the connection; asks the socket, never waits.
  bool was_ended();
  /// Statements without parameters, by the simple protocol, for as long as they take. Throws SqlError.
  void run_script(const std::string& script);

 private:
  struct Step {
    enum class Kind { prepare, execute, sync } kind;
    const char* literal;
    Touches touches;
  };

  const std::string& prepared(const char* literal);
  ResultPtr next_result();
  std::optional<SqlError> finish(const Step& step, Settled& settled);
  [[noreturn]] void lose(const std::string& what);

  std::string url_;
  std::chrono::milliseconds idle_in_transaction_max_;
  std::chrono::milliseconds patience_{0};  ///< with the server, for one answer
  PGconn* db_ = nullptr;
  Parameters parameters_;
  std::deque<Step> sent_;
  std::unordered_map<const void*, std::string> prepared_;
  std::uint64_t names_ = 0;  ///< of prepared statements, drawn so far
};

/// Throws std::invalid_argument when libpq cannot read the URL; what it says of that may quote the password, so we do
/// not.
void check_url(const std::string& url);
/// Host, port and database of a URL, for people: no user, no password. Throws as check_url() does.
std::string name_of(const std::string& url);

}  // namespace agora::sql::postgresql
