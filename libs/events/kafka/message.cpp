#include "libs/events/kafka/message.hpp"

#include <array>
#include <string_view>

#include "libs/json/writer.hpp"

namespace agora::events::kafka {
namespace {

constexpr std::string_view kPrefix = "ce_";
constexpr std::size_t kHeaders = 12;
/// Values in one event: more than its bytes allow for.
constexpr std::size_t kRecordValuesMax = 1'000'000;

void add(rd_kafka_headers_t* headers, std::string_view name, std::string_view value) {
  rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value.data(),
                      static_cast<ssize_t>(value.size()));
}

}  // namespace

rd_kafka_resp_err_t produce(rd_kafka_t* producer, const Address& address, const LoggedEvents& log,
                            const LoggedEvent& event) {
  const auto source = "/agora/" + log.publisher;
  const auto topic = address.name_of(event.topic);
  auto* headers = rd_kafka_headers_new(kHeaders);
  add(headers, "ce_specversion", "1.0");
  add(headers, "ce_id", event.event_id);
  add(headers, "ce_source", source);
  add(headers, "ce_type", event.type);
  add(headers, "ce_subject", event.subject);
  add(headers, "ce_time", to_rfc3339(event.time));
  add(headers, "ce_dataschema", source + "/events/" + event.type);
  add(headers, "content-type", "application/json");
  add(headers, "ce_logid", log.log_id);
  add(headers, "ce_sequence", std::to_string(event.sequence));
  add(headers, "ce_version", std::to_string(event.version));
  if (!event.traceparent.empty()) add(headers, "ce_traceparent", event.traceparent);
  std::array<rd_kafka_vu_t, 5> parts{};
  parts[0].vtype = RD_KAFKA_VTYPE_TOPIC;
  parts[0].u.cstr = topic.c_str();
  parts[1].vtype = RD_KAFKA_VTYPE_KEY;
  parts[1].u.mem = {const_cast<char*>(event.subject.data()), event.subject.size()};
  parts[2].vtype = RD_KAFKA_VTYPE_VALUE;
  parts[2].u.mem = {const_cast<char*>(event.data.data()), event.data.size()};
  parts[3].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  parts[3].u.i = RD_KAFKA_MSG_F_COPY;
  parts[4].vtype = RD_KAFKA_VTYPE_HEADERS;
  parts[4].u.headers = headers;
  auto* failure = rd_kafka_produceva(producer, parts.data(), parts.size());
  if (failure == nullptr) return RD_KAFKA_RESP_ERR_NO_ERROR;
  // The headers are the record's only once it was taken.
  rd_kafka_headers_destroy(headers);
  const auto code = rd_kafka_error_code(failure);
  rd_kafka_error_destroy(failure);
  return code;
}

std::size_t partition_of(std::string_view subject, std::size_t partitions) {
  // Of the key and the number alone; the transport names the same partitioner.
  const auto number = rd_kafka_msg_partitioner_murmur2(nullptr, subject.data(), subject.size(),
                                                       static_cast<std::int32_t>(partitions), nullptr, nullptr);
  return static_cast<std::size_t>(number);
}

Result<Event> read_message(const Address& address, const rd_kafka_message_t& message) {
  // As the feed has it: what is parked, and tried again, is this text.
  std::string text;
  json::Writer json(text);
  json.begin_object();
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         ++i) {
      const std::string_view header(name);
      const std::string_view bytes(static_cast<const char*>(value), size);
      if (header.starts_with(kPrefix)) json.member(header.substr(kPrefix.size()), bytes);
      if (header == "content-type") json.member("datacontenttype", bytes);
    }
  }
  json.member("topic", address.topic_of(rd_kafka_topic_name(message.rkt)));
  const auto data = text.size();
  json.key("data").raw({static_cast<const char*>(message.payload), message.len}).end_object();
  auto document = json::Document::parse(text, kRecordValuesMax);
  if (!document) {
    // Its attributes may be right all the same, so that its subject alone waits.
    text.resize(data);
    text += '}';
    document = json::Document::parse(text, kRecordValuesMax);
  }
  if (!document) return document.error();
  const auto shared = std::make_shared<const json::Document>(*std::move(document));
  return read_delivered(shared, shared->root());
}

}  // namespace agora::events::kafka
