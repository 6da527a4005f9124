#pragma once
#include <string>

#include "libs/base/unavailable.hpp"

namespace agora::sql {

/// "We cannot answer", from a database. Caught at the five borders; a "no" is a row count, never one of these.
class DatabaseError : public Unavailable {
 public:
  enum class Kind {
    unavailable,     ///< no connection, disk full, shutting down: later works; nothing was done
    deadline,        ///< waited too long for a turn or a lock; nothing was done
    unknown_commit,  ///< the connection went while COMMIT was under way: done or not, the idempotency key resolves it
    serialization,   ///< 40001, 40P01 beyond the retries allowed; nothing was done
    row_count,       ///< a write touched another number of rows than it must: a bug or a broken invariant; rolled back
    failed,          ///< any other SQL error: a bug; rolled back
  };

  DatabaseError(Kind kind, std::string message) : Unavailable(std::move(message)), kind_(kind) {}
  Kind kind() const { return kind_; }
  bool retry_helps() const override { return kind_ != Kind::row_count && kind_ != Kind::failed; }

 private:
  Kind kind_;
};

/// Another process has the file open for writing. The message names the file and that process.
class FileInUse : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace agora::sql
