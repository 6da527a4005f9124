#include "libs/events/event.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <boost/describe/class.hpp>

#include "libs/json/reader.hpp"

namespace agora::events {
namespace {

#include "topics.inc"

/// The attributes as they are written.
struct Attributes {
  std::string specversion{};
  std::string id{};
  std::string source{};
  std::string type{};
  std::string topic{};
  json::Text<kIdLengthMax> subject{};
  Timestamp time{};
  std::string logid{};
  std::string sequence{};
  std::string version{};
  std::optional<std::string> traceparent{};
};
BOOST_DESCRIBE_STRUCT(Attributes, (),
                      (specversion, id, source, type, topic, subject, time, logid, sequence, version, traceparent))

/// What it takes to park an event.
struct Identity {
  std::string id{};
  std::string topic{};
  json::Text<kIdLengthMax> subject{};
  std::string logid{};
  std::string sequence{};
  std::string version{};
};
BOOST_DESCRIBE_STRUCT(Identity, (), (id, topic, subject, logid, sequence, version))

/// Values in one event: as many as fit.
constexpr std::size_t kEventValuesMax = kEventBytesMax / 2;

/// CloudEvents integers have 32 bits, so ours are decimal strings.
std::optional<std::int64_t> read_decimal(std::string_view digits) {
  std::int64_t number = 0;
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (ec != std::errc{} || end != digits.data() + digits.size() || number < 1) return std::nullopt;
  return number;
}

}  // namespace

std::span<const Topic> topics() {
  return kTopics;
}

const Topic* find_topic(std::string_view name) {
  const auto found =
      std::find_if(kTopics.begin(), kTopics.end(), [&](const Topic& topic) { return topic.name == name; });
  return found == kTopics.end() ? nullptr : &*found;
}

bool publishes(std::string_view service) {
  return std::any_of(kTopics.begin(), kTopics.end(), [&](const Topic& topic) { return topic.publisher == service; });
}

std::string Event::text() const {
  std::string out;
  json::append(out, *node);
  return out;
}

Result<Event> read_event(std::shared_ptr<const json::Document> document, const json::Node& node) {
  AGORA_TRY(auto read, json::read<Attributes>(node, json::UnknownFields::ignore));
  const auto sequence = read_decimal(read.sequence);
  const auto version = read_decimal(read.version);
  const auto data = node.member("data");
  std::vector<FieldError> errors;
  if (read.specversion != "1.0") errors.push_back({"/specversion", "invalid_value", "must be 1.0"});
  if (!sequence) errors.push_back({"/sequence", "invalid_value", "must be a decimal string of at least 1"});
  if (!version) errors.push_back({"/version", "invalid_value", "must be a decimal string of at least 1"});
  if (!data || data->kind() != json::Kind::object) errors.push_back({"/data", "wrong_type", "must be an object"});
  if (!errors.empty()) return json::validation_failed(std::move(errors));
  return Event{.id = std::move(read.id),
               .source = std::move(read.source),
               .type = std::move(read.type),
               .topic = std::move(read.topic),
               .subject = std::move(read.subject.value),
               .version = *version,
               .time = read.time,
               .traceparent = read.traceparent.value_or(""),
               .log_id = std::move(read.logid),
               .sequence = *sequence,
               .document = std::move(document),
               .node = node};
}

Result<Event> read_delivered(std::shared_ptr<const json::Document> document, const json::Node& node) {
  auto event = read_event(document, node);
  if (event) return event;
  auto read = json::read<Identity>(node, json::UnknownFields::ignore);
  const auto sequence = read ? read_decimal(read->sequence) : std::nullopt;
  const auto version = read ? read_decimal(read->version) : std::nullopt;
  if (!sequence || !version) return event.error();
  auto why = "it is no event: " + event.error().message;
  for (const auto& field : event.error().fields) why += " " + field.pointer + " " + field.message + ".";
  const Error unreadable{Errc::invalid_argument, "unreadable_event", std::move(why)};
  return Event{.id = std::move(read->id),
               .topic = std::move(read->topic),
               .subject = std::move(read->subject.value),
               .version = *version,
               .log_id = std::move(read->logid),
               .sequence = *sequence,
               .unreadable = std::make_shared<const Error>(unreadable),
               .document = std::move(document),
               .node = node};
}

Result<Event> read_event(std::string_view text) {
  AGORA_TRY(auto parsed, json::Document::parse(text, kEventValuesMax));
  auto document = std::make_shared<const json::Document>(std::move(parsed));
  const auto root = document->root();
  return read_event(std::move(document), root);
}

}  // namespace agora::events
