#pragma once
#include <string>
#include <vector>

#include "libs/base/ctx.hpp"
#include "libs/sql/tx.hpp"

namespace agora::events {

/// The events of a transaction, written with the state they tell of: add() each after its aggregate's row is locked or
/// updated, then write() once. Not thread-safe.
class Outbox {
 public:
  /// `now`: the time of all its events.
  explicit Outbox(Timestamp now) : now_(now) {}

  /// Begins an event; the caller writes its `data`, a JSON object, into what is returned (valid until the next add()).
  /// `topic` and `type` are literals. `version`: 1, 2, 3… of the subject.
  std::string& add(const char* topic, const char* type, const std::string& subject, std::int64_t version,
                   const TraceContext& trace);

  bool empty() const { return events_.empty(); }
  /// Throws DatabaseError failed when an event is larger than an event may be, as on any error of the database.
  void write(sql::Tx& tx) const;

 private:
  struct Row {
    std::string event_id;
    const char* topic;
    const char* type;
    std::string subject;
    std::int64_t version;
    std::string traceparent;
    std::string data;
  };

  Timestamp now_;
  std::vector<Row> events_;
};

}  // namespace agora::events
