#include "libs/sql/postgresql/sql_error.hpp"

#include <string_view>

namespace agora::sql::postgresql {
namespace {

DatabaseError::Kind kind_of(std::string_view state) {
  if (state == "40001" || state == "40P01") return DatabaseError::Kind::serialization;
  // lock_not_available, query_canceled (statement_timeout)
  if (state == "55P03" || state == "57014") return DatabaseError::Kind::deadline;
  // Connection exceptions, insufficient resources, operator intervention, system errors;
  // idle_in_transaction_session_timeout; read_only_sql_transaction: a standby since a failover.
  const auto family = state.substr(0, 2);
  if (state.empty() || family == "08" || family == "53" || family == "57" || family == "58" || state == "25P03" ||
      state == "25006") {
    return DatabaseError::Kind::unavailable;
  }
  return DatabaseError::Kind::failed;
}

std::string field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? "" : text;
}

}  // namespace

SqlError error_of(const PGresult* result, const std::string& statement) {
  const auto state = field(result, PG_DIAG_SQLSTATE);
  const auto severity = field(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  // Connecting anew finds the primary, where the URL names several hosts.
  const bool lost = state.empty() || severity == "FATAL" || severity == "PANIC" || state == "25006";
  auto message = field(result, PG_DIAG_MESSAGE_PRIMARY);
  if (message.empty()) message = PQresultErrorMessage(result);
  // The detail of a violated constraint quotes the row, which may be a person's; the constraint's name does not.
  const auto constraint = field(result, PG_DIAG_CONSTRAINT_NAME);
  if (!constraint.empty()) message += " (" + constraint + ")";
  return {kind_of(state), state, lost, state + " " + message + ": " + statement};
}

}  // namespace agora::sql::postgresql
