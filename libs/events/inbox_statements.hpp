#pragma once
// What several files of the inbox use.
#include <string_view>

#include "libs/events/inbox.hpp"

namespace agora::events::statements {

inline constexpr sql::Sql kSetVersion{
    "INSERT INTO inbox_versions (log_id, topic, subject, version, carried) VALUES ($1, $2, $3, $4, 0) "
    "ON CONFLICT (log_id, topic, subject) DO UPDATE SET version = excluded.version, carried = 0"};
inline constexpr sql::Sql kInsertParked{
    "INSERT INTO parked_events (publisher, log_id, topic, subject, version, event_id, event, reason, detail, attempts, "
    "parked_at, retry_at, dead, failed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, $11, 0, $12) "
    "ON CONFLICT (log_id, topic, subject, version) DO NOTHING"};
inline constexpr sql::Sql kDeleteParked{
    "DELETE FROM parked_events WHERE log_id = $1 AND topic = $2 AND subject = $3 AND version <= $4"};

/// Reasons that an event is parked for, besides `gap`.
inline constexpr std::string_view kFailed = "failed";
inline constexpr std::string_view kDependency = "dependency";
inline std::string_view reason_for(const Error& why) {
  return why.code == "missing_dependency" ? kDependency : kFailed;
}

}  // namespace agora::events::statements
