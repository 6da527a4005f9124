#include "libs/events/event_log.hpp"

#include <algorithm>
#include <map>

#include "libs/json/writer.hpp"

namespace agora::events {
namespace {

constexpr sql::Sql kState{
    "SELECT log_id, trimmed_through, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'outbox'), 0) FROM "
    "event_log",
    "SELECT log_id, trimmed_through, head FROM event_log"};
#define AGORA_READ(of_topics)                                                                               \
  "SELECT sequence, event_id, topic, type, subject, version, time, traceparent, data FROM numbered_events " \
  "WHERE sequence > $1 AND sequence <= $2 AND " of_topics " ORDER BY sequence LIMIT $4"
// The plus keeps SQLite from its index of topics: it would read every event of theirs to find the few that are new.
constexpr sql::Sql kRead{AGORA_READ("+topic IN (SELECT value FROM json_each($3))"),
                         AGORA_READ("topic = ANY (ARRAY(SELECT json_array_elements_text($3::json)))")};
constexpr sql::Sql kNext{"SELECT sequence FROM numbered_events WHERE sequence > $1 ORDER BY sequence LIMIT 1"};
constexpr sql::Sql kLast{
    "SELECT sequence, event_id FROM numbered_events WHERE sequence <= $1 ORDER BY sequence DESC LIMIT 1"};
constexpr sql::Sql kTrimmedLast{"SELECT trimmed_through, trimmed_id FROM event_log"};
constexpr sql::Sql kEventAt{
    "SELECT event_id FROM numbered_events WHERE sequence = $1 UNION ALL "
    "SELECT event_id FROM outbox_compacted WHERE sequence = $1 UNION ALL "
    "SELECT trimmed_id FROM event_log WHERE trimmed_through = $1"};

constexpr sql::Sql kRelayed{"SELECT sequence FROM relay_cursors WHERE relay = $1"};
constexpr sql::Sql kSetRelayed{
    "INSERT INTO relay_cursors (relay, sequence) VALUES ($1, $3) "
    "ON CONFLICT (relay) DO UPDATE SET sequence = excluded.sequence WHERE relay_cursors.sequence = $2"};

constexpr sql::Sql kAcknowledge{
    "INSERT INTO feed_consumers (consumer, acked, dropped, seen_at) VALUES ($1, $2, 0, $3) "
    "ON CONFLICT (consumer) DO UPDATE SET acked = excluded.acked, seen_at = excluded.seen_at "
    "WHERE feed_consumers.dropped = 0"};
constexpr sql::Sql kIsDropped{"SELECT 1 FROM feed_consumers WHERE consumer = $1 AND dropped = 1"};
constexpr sql::Sql kForget{"DELETE FROM feed_consumers WHERE consumer = $1"};
constexpr sql::Sql kConsumers{"SELECT consumer, acked, dropped FROM feed_consumers"};
constexpr sql::Sql kDrop{
    "INSERT INTO feed_consumers (consumer, acked, dropped, seen_at) VALUES ($1, $2, 1, $3) "
    "ON CONFLICT (consumer) DO UPDATE SET dropped = 1"};

constexpr sql::Sql kUncompacted{
    "SELECT sequence, topic, subject, version, time FROM numbered_events WHERE sequence > $1 AND sequence <= $2 "
    "ORDER BY sequence"};
constexpr sql::Sql kWasCompactedThrough{"SELECT compacted_through FROM event_log"};
constexpr sql::Sql kLeaveBehind{
    "INSERT INTO outbox_compacted (sequence, event_id) SELECT sequence, event_id FROM numbered_events "
    "WHERE topic = $1 AND subject = $2 AND version < $3"};
#define AGORA_DELETE_OLDER "DELETE FROM outbox WHERE topic = $1 AND subject = $2 AND version < $3"
constexpr sql::Sql kDeleteOlder{AGORA_DELETE_OLDER,
                                "WITH gone AS (" AGORA_DELETE_OLDER
                                " RETURNING id) DELETE FROM outbox_numbers WHERE id IN (SELECT id FROM gone)"};
constexpr sql::Sql kCompactedThrough{"UPDATE event_log SET compacted_through = $1"};

constexpr sql::Sql kTrimmable{
    "SELECT sequence, event_id, topic, time FROM numbered_events WHERE sequence > $1 AND sequence <= $2 "
    "ORDER BY sequence"};
constexpr sql::Sql kKeptAfter{
    "SELECT count(*) FROM (SELECT 1 FROM numbered_events WHERE sequence > $1 LIMIT $2) AS kept"};
constexpr sql::Sql kDeleteFact{"DELETE FROM outbox WHERE sequence = $1",
                               "WITH gone AS (DELETE FROM outbox_numbers WHERE sequence = $1 RETURNING id) "
                               "DELETE FROM outbox WHERE id IN (SELECT id FROM gone)"};
constexpr sql::Sql kDeleteLeftBehind{"DELETE FROM outbox_compacted WHERE sequence <= $1"};
constexpr sql::Sql kTrimmedThrough{"UPDATE event_log SET trimmed_through = $1, trimmed_id = $2"};

std::string json_list(const std::vector<std::string>& items) {
  std::string out;
  json::Writer json(out);
  json.begin_array();
  for (const auto& item : items) json.value(item);
  json.end_array();
  return out;
}

Error position_lost() {
  return {Errc::failed_precondition, "position_lost",
          "The log does not know this position: it was trimmed, or put back from a copy."};
}

/// The row under the cursor as CloudEvents JSON.
void append_event(std::string& out, const sql::Rows& row, const std::string& publisher, const std::string& log_id) {
  const std::string source = "/agora/" + publisher;
  json::Writer json(out);
  json.begin_object()
      .member("specversion", "1.0")
      .member("id", row.text(1))
      .member("source", source)
      .member("type", row.text(3))
      .member("subject", row.text(4))
      .member("time", row.time(6))
      .member("datacontenttype", "application/json")
      .member("dataschema", source + "/events/" + std::string(row.text(3)))
      .member("topic", row.text(2))
      .member("logid", log_id)
      .member("sequence", std::to_string(row.int64(0)))
      .member("version", std::to_string(row.int64(5)));
  if (!row.is_null(7)) json.member("traceparent", row.text(7));
  json.key("data").raw(row.text(8)).end_object();
}

/// Services whose acknowledgement the trimming of a publisher's log waits for.
std::vector<std::string> declared_consumers(std::string_view publisher) {
  std::vector<std::string> names;
  for (const auto& topic : topics()) {
    if (topic.publisher != publisher) continue;
    for (const auto consumer : topic.consumers) {
      if (std::find(names.begin(), names.end(), consumer) == names.end()) names.emplace_back(consumer);
    }
  }
  return names;
}

}  // namespace

std::vector<std::string> EventLog::consumers() const {
  return relay_.empty() ? declared_consumers(publisher_) : std::vector<std::string>{};
}

LogState EventLog::state(sql::Tx& tx) const {
  auto rows = tx.query(kState);
  if (!rows.next()) throw sql::DatabaseError(sql::DatabaseError::Kind::failed, "the event log has lost its row");
  return {.log_id = std::string(rows.text(0)), .head = rows.int64(2), .trimmed_through = rows.int64(1)};
}

std::optional<std::string> EventLog::event_at(sql::Tx& tx, std::int64_t sequence) const {
  auto rows = tx.query(kEventAt, {sequence});
  if (!rows.next()) return std::nullopt;
  return std::string(rows.text(0));
}

std::optional<Stretch> EventLog::next_stretch(sql::Tx& tx, std::int64_t after, std::int64_t head,
                                              std::int64_t length) const {
  auto rows = tx.query(kNext, {after});
  if (!rows.next() || rows.int64(0) > head) return std::nullopt;
  return Stretch{rows.int64(0) - 1, std::min(head, rows.int64(0) - 1 + length)};
}

Result<Page> EventLog::read_after(sql::Tx& tx, const ReadRequest& request) const {
  Page page{.log = state(tx)};
  page.next.log_id = page.log.log_id;
  if (request.after) {
    const auto& after = *request.after;
    if (after.log_id != page.log.log_id) {
      return Error{Errc::failed_precondition, "log_changed", "The log has another id: it was restored."};
    }
    // A newborn passes the states that are older than what was trimmed before its birth.
    const bool newborn = request.birth_through && *request.birth_through == page.log.trimmed_through;
    if (after.sequence < page.log.trimmed_through && !newborn) return position_lost();
    if (after.sequence > page.log.head) return position_lost();
    if (after.sequence > 0 && event_at(tx, after.sequence) != after.event_id) return position_lost();
    page.next = after;
  }
  const auto limit = request.limit > 0 ? std::min(request.limit, limits_.page_events_max) : limits_.page_events_max;
  const auto topics = json_list(request.topics);
  page.events = "[";
  bool cut = false;
  for (auto stretch = next_stretch(tx, page.next.sequence, page.log.head, limit); stretch && !cut;
       stretch = next_stretch(tx, stretch->through, page.log.head, limit)) {
    auto rows = tx.query(kRead, {stretch->after, stretch->through, topics, limit - page.count});
    while (!cut && rows.next()) {
      if (page.count > 0) page.events += ',';
      append_event(page.events, rows, publisher_, page.log.log_id);
      if (request.traced && !rows.is_null(7)) {
        page.traces.push_back({std::string(rows.text(1)), std::string(rows.text(2)), std::string(rows.text(7))});
      }
      ++page.count;
      page.next.sequence = rows.int64(0);
      page.next.event_id = rows.text(1);
      cut = page.count == limit || static_cast<std::int64_t>(page.events.size()) > limits_.page_bytes_max;
    }
  }
  page.events += ']';
  if (cut) return page;
  // Nothing more was asked for: the position goes on to the end of the log.
  auto last = tx.query(kLast, {page.log.head});
  if (last.next() && last.int64(0) > page.next.sequence) {
    page.next.sequence = last.int64(0);
    page.next.event_id = last.text(1);
  }
  auto trimmed = tx.query(kTrimmedLast);
  if (trimmed.next() && trimmed.int64(0) > page.next.sequence) {
    page.next.sequence = trimmed.int64(0);
    page.next.event_id = trimmed.text(1);
  }
  return page;
}

std::int64_t EventLog::relayed_through(sql::Tx& tx) const {
  auto rows = tx.query(kRelayed, {relay_});
  return rows.next() ? rows.int64(0) : 0;
}

void EventLog::set_relayed(sql::Tx& tx, std::int64_t from, std::int64_t to) const {
  tx.execute_one(kSetRelayed, {relay_, from, to});
}

Result<void> EventLog::acknowledge(sql::Tx& tx, const std::string& consumer, std::int64_t acked, Timestamp now) const {
  if (tx.execute(kAcknowledge, {consumer, acked, now}) == 1) return {};
  return Error{Errc::failed_precondition, "consumer_dropped",
               "The consumer held the log up for too long; what it missed is gone."};
}

std::map<std::string, std::int64_t> EventLog::acknowledged(sql::Tx& tx) const {
  std::map<std::string, std::int64_t> all;
  auto rows = tx.query(kConsumers);
  while (rows.next()) all[std::string(rows.text(0))] = rows.int64(1);
  return all;
}

bool EventLog::is_dropped(sql::Tx& tx, const std::string& consumer) const {
  auto rows = tx.query(kIsDropped, {consumer});
  return rows.next();
}

void EventLog::forget(sql::Tx& tx, const std::string& consumer) const {
  tx.execute(kForget, {consumer});
}

EventLog::Trimmed EventLog::trim(sql::Tx& tx, Timestamp now) const {
  Trimmed done;
  const auto compacted = compact(tx, now);
  done.compacted = compacted.rows;
  const auto safe = safe_to_trim(tx, now, done.dropped);
  std::int64_t through = 0;
  std::string through_id;
  std::vector<std::int64_t> facts;
  const auto stretch = next_stretch(tx, state(tx).trimmed_through, safe, limits_.trim_rows_max);
  if (stretch) {
    auto rows = tx.query(kTrimmable, {stretch->after, stretch->through});
    while (rows.next() && rows.time(3) <= now - limits_.keep) {
      through = rows.int64(0);
      through_id = rows.text(1);
      const auto* topic = find_topic(rows.text(2));
      if (topic == nullptr || topic->kind == Kind::fact) facts.push_back(through);
    }
  }
  if (through > 0) {
    sql::Batch gone(kDeleteFact, 1);
    for (const auto sequence : facts) gone.add({sequence});
    tx.batch(gone);
    tx.execute(kDeleteLeftBehind, {through});
  }
  // The log's row comes last: numbering waits for it.
  if (compacted.rows > 0) tx.execute_one(kCompactedThrough, {compacted.through});
  if (through > 0) tx.execute_one(kTrimmedThrough, {through, through_id});
  done.trimmed = static_cast<std::int64_t>(facts.size());
  // What is young ended it, or the end of the stretch.
  done.more = (stretch && through == stretch->through && through < safe) || compacted.more;
  return done;
}

EventLog::Compacted EventLog::compact(sql::Tx& tx, Timestamp now) const {
  Compacted done;
  {
    auto rows = tx.query(kWasCompactedThrough);
    rows.next();
    done.through = rows.int64(0);
  }
  const auto head = state(tx).head;
  const auto stretch = next_stretch(tx, done.through, head, limits_.trim_rows_max);
  if (!stretch) return done;
  // Newest version of each subject in the stretch; what is older of it goes.
  std::map<std::pair<std::string, std::string>, std::int64_t> newest;
  {
    auto rows = tx.query(kUncompacted, {stretch->after, stretch->through});
    while (rows.next() && rows.time(4) <= now - limits_.compaction_lag) {
      ++done.rows;
      done.through = rows.int64(0);
      const auto* topic = find_topic(rows.text(1));
      if (topic == nullptr || topic->kind == Kind::fact) continue;
      newest[{std::string(rows.text(1)), std::string(rows.text(2))}] = rows.int64(3);
    }
  }
  for (const auto& [subject, version] : newest) {
    tx.execute(kLeaveBehind, {subject.first, subject.second, version});
    tx.execute(kDeleteOlder, {subject.first, subject.second, version});
  }
  done.more = done.through == stretch->through && done.through < head;
  return done;
}

bool EventLog::holds_too_many(sql::Tx& tx, std::int64_t acked, std::int64_t head) const {
  // There are never more rows than numbers, and those cost nothing to count.
  if (head - acked <= limits_.keep_rows_max) return false;
  auto rows = tx.query(kKeptAfter, {acked, limits_.keep_rows_max + 1});
  return rows.next() && rows.int64(0) > limits_.keep_rows_max;
}

std::int64_t EventLog::safe_to_trim(sql::Tx& tx, Timestamp now, std::vector<std::string>& dropped) const {
  // A relay is never dropped: what it has not published is nowhere else.
  if (!relay_.empty()) return relayed_through(tx);
  const auto head = state(tx).head;
  std::map<std::string, std::pair<std::int64_t, bool>> known;
  {
    auto rows = tx.query(kConsumers);
    while (rows.next()) known[std::string(rows.text(0))] = {rows.int64(1), rows.boolean(2)};
  }
  // The oldest row, where it is older than anything may be kept for a consumer's sake.
  std::int64_t too_old = 0;
  {
    const auto first = next_stretch(tx, state(tx).trimmed_through, head, 1).value_or(Stretch{});
    auto rows = tx.query(kTrimmable, {first.after, first.through});
    if (rows.next() && rows.time(3) < now - limits_.keep_max) too_old = rows.int64(0);
  }
  auto safe = head;
  for (const auto& consumer : declared_consumers(publisher_)) {
    const auto [acked, gone] = known.contains(consumer) ? known.at(consumer) : std::pair{std::int64_t{0}, false};
    if (gone) continue;
    if (acked < too_old || holds_too_many(tx, acked, head)) {
      tx.execute(kDrop, {consumer, acked, now});
      dropped.push_back(consumer);
      continue;
    }
    safe = std::min(safe, acked);
  }
  return safe;
}

}  // namespace agora::events
