#pragma once
#include <stdexcept>
#include <string>

namespace agora::sql {

/// "We cannot answer", from a database. Caught at the five borders; a "no" is a row count, never one of these.
class DatabaseError : public std::runtime_error {
 public:
  enum class Kind {
    unavailable,     ///< no connection, disk full, shutting down: later works; nothing was done
    deadline,        ///< waited too long for a turn or a lock; nothing was done
    unknown_commit,  ///< the connection went while COMMIT was under way: done or not, the idempotency key resolves it
    serialization,   ///< 40001, 40P01 beyond the retries allowed; nothing was done
    row_count,       ///< a write touched another number of rows than it must: a bug or a broken invariant; rolled back
    failed,          ///< any other SQL error: a bug; rolled back
  };

  DatabaseError(Kind kind, std::string message) : std::runtime_error(std::move(message)), kind_(kind) {}
  Kind kind() const { return kind_; }
  /// Whether the same request may succeed a moment later.
  bool retry_helps() const { return kind_ != Kind::row_count && kind_ != Kind::failed; }

 private:
  Kind kind_;
};

}  // namespace agora::sql
