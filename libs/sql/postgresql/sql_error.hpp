#pragma once
#include <string>

#include <libpq-fe.h>

#include "libs/sql/error.hpp"

namespace agora::sql::postgresql {

/// What PostgreSQL answered instead: SQLSTATE and message, before anybody decided what it means for the work.
class SqlError : public DatabaseError {
 public:
  SqlError(Kind kind, std::string state, bool connection_lost, const std::string& message)
      : DatabaseError(kind, message), state_(std::move(state)), connection_lost_(connection_lost) {}
  /// Five characters; empty when the server said nothing.
  const std::string& state() const { return state_; }
  /// The connection is of no use any more: what had not committed is undone.
  bool connection_lost() const { return connection_lost_; }

 private:
  std::string state_;
  bool connection_lost_;
};

/// The error that `result` is. `statement` is told with it; parameters never are.
SqlError error_of(const PGresult* result, const std::string& statement);

}  // namespace agora::sql::postgresql
