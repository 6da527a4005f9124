#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "libs/base/clock.hpp"
#include "libs/base/result.hpp"
#include "libs/json/document.hpp"

namespace agora::events {

/// Of a `state` topic the newest version of a subject is its whole public state: any higher one is applied. Of a `fact`
/// topic every version counts: a gap waits.
enum class Kind { state, fact };

/// A topic as contracts/events declares it.
struct Topic {
  std::string_view name;       ///< `agora.orders`
  std::string_view publisher;  ///< service: `order`
  Kind kind;
  std::span<const std::string_view> consumers;  ///< services whose acknowledgement its trimming waits for
};

/// All topics, from contracts/events at build time.
std::span<const Topic> topics();
/// The topic of a name; null when nobody declared it.
const Topic* find_topic(std::string_view name);
/// Whether a service has topics of its own, and so an outbox and a log.
bool publishes(std::string_view service);

/// Largest event, written as CloudEvents JSON.
inline constexpr std::size_t kEventBytesMax = 900'000;

/// Something that happened to an aggregate, as a consumer gets it: a CloudEvent 1.0 with the extensions topic, logid,
/// sequence, version and traceparent (docs/events.md). Cheap to copy.
struct Event {
  std::string id{};      ///< UUIDv7
  std::string source{};  ///< `/agora/order`
  std::string type{};    ///< `order.paid`
  std::string topic{};
  std::string subject{};      ///< id of the aggregate
  std::int64_t version = 0;   ///< 1, 2, 3… of (topic, subject)
  Timestamp time{};           ///< milliseconds
  std::string traceparent{};  ///< empty: none; while it is applied, that of its processing
  std::string log_id{};       ///< of the log it was read from
  std::int64_t sequence = 0;  ///< its number in that log

  /// Why it cannot be read as an event; then only what it takes to park it is known. Null: nothing is wrong.
  std::shared_ptr<const Error> unreadable{};

  std::shared_ptr<const json::Document> document{};  ///< what it was read from
  std::optional<json::Node> node{};                  ///< the whole event in it

  /// The object `data`.
  json::Node data() const { return node->member("data").value(); }
  /// The event as JSON.
  std::string text() const;
};

/// Reads an event that stands somewhere in a document. "No": invalid_argument `validation_failed` naming what is wrong.
Result<Event> read_event(std::shared_ptr<const json::Document> document, const json::Node& node);
/// The same for what was delivered: where the event is not right, but its id, log, topic, subject, version and number
/// can be read, it is given as `unreadable`, so that its subject alone waits. "No": not even these.
Result<Event> read_delivered(std::shared_ptr<const json::Document> document, const json::Node& node);
/// Reads an event from its text, as it was parked. "No": as above, or what Document::parse says.
Result<Event> read_event(std::string_view text);

/// Where a consumer stands in a log. The event id finds a log that was put back by a copy of its file: it has another
/// event at that number.
struct Position {
  std::string log_id{};       ///< empty: none yet
  std::int64_t sequence = 0;  ///< of the last event it is past
  std::string event_id{};     ///< of that event; empty where none of this log was read

  friend bool operator==(const Position&, const Position&) = default;
};

}  // namespace agora::events
