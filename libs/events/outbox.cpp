#include "libs/events/outbox.hpp"

#include "libs/base/id.hpp"
#include "libs/events/event.hpp"

namespace agora::events {
namespace {

#define AGORA_INSERT_EVENT                                                                 \
  "INSERT INTO outbox (event_id, topic, type, subject, version, time, traceparent, data) " \
  "VALUES ($1,$2,$3,$4,$5,$6,$7,$8)"
// On PostgreSQL numbering looks for what is new in a table of its own.
constexpr sql::Sql kInsertEvent{AGORA_INSERT_EVENT, "WITH event AS (" AGORA_INSERT_EVENT
                                                    " RETURNING id) INSERT INTO outbox_new (id) SELECT id FROM event"};
/// What the attributes of an event take at most, besides its data.
constexpr std::size_t kAttributeBytes = 1'000;

}  // namespace

std::string& Outbox::add(const char* topic, const char* type, const std::string& subject, std::int64_t version,
                         const TraceContext& trace) {
  auto& row = events_.emplace_back(
      Row{new_uuid_v7(now_), topic, type, subject, version, trace.valid() ? trace.traceparent() : std::string{}, {}});
  return row.data;
}

void Outbox::write(sql::Tx& tx) const {
  sql::Batch batch(kInsertEvent, 8);
  batch.reserve(events_.size());
  for (const auto& e : events_) {
    if (e.data.size() + kAttributeBytes > kEventBytesMax) {
      throw sql::DatabaseError(sql::DatabaseError::Kind::failed, std::string(e.type) + " is too large for an event");
    }
    batch.add({e.event_id, e.topic, e.type, e.subject, e.version, now_,
               e.traceparent.empty() ? sql::Value(nullptr) : sql::Value(e.traceparent), e.data});
  }
  tx.batch(batch);
}

}  // namespace agora::events
