#include "libs/telemetry/otlp.hpp"

namespace agora::telemetry {
namespace {

/// Appends a message's fields in protobuf's wire format (https://protobuf.dev/programming-guides/encoding). Debian
/// packages neither OpenTelemetry's C++ library nor its .proto files; what is needed of the format is these lines.
class Message {
 public:
  Message& varint(int field, std::uint64_t value) {
    tag(field, 0);
    append_varint(value);
    return *this;
  }
  Message& fixed64(int field, std::uint64_t value) {
    tag(field, 1);
    for (int i = 0; i < 8; ++i) out_ += static_cast<char>(value >> (8 * i) & 0xFF);
    return *this;
  }
  Message& fixed32(int field, std::uint32_t value) {
    tag(field, 5);
    for (int i = 0; i < 4; ++i) out_ += static_cast<char>(value >> (8 * i) & 0xFF);
    return *this;
  }
  Message& bytes(int field, std::string_view value) {
    tag(field, 2);
    append_varint(value.size());
    out_ += value;
    return *this;
  }
  Message& message(int field, const Message& value) { return bytes(field, value.out_); }

  std::string take() { return std::move(out_); }

 private:
  void tag(int field, int wire_type) {
    append_varint(static_cast<std::uint64_t>(field) << 3 | static_cast<unsigned>(wire_type));
  }
  void append_varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_ += static_cast<char>((value & 0x7F) | 0x80);
    out_ += static_cast<char>(value);
  }

  std::string out_;
};

template <std::size_t N>
std::string_view view(const std::array<std::uint8_t, N>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::uint64_t unix_nanos(Timestamp time) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

// The numbers below are the fields of opentelemetry/proto/common/v1, resource/v1, trace/v1 and collector/trace/v1.

Message key_value(std::string_view key, const TraceSpan::Value& value) {
  Message any;
  if (const auto* text = std::get_if<std::string>(&value)) {
    any.bytes(1, *text);
  } else {
    any.varint(3, static_cast<std::uint64_t>(std::get<std::int64_t>(value)));
  }
  Message pair;
  pair.bytes(1, key).message(2, any);
  return pair;
}

Message to_message(const TraceSpan& span) {
  Message message;
  message.bytes(1, view(span.context.trace_id)).bytes(2, view(span.context.span_id));
  if (span.parent != decltype(span.parent){}) message.bytes(4, view(span.parent));
  message.bytes(5, span.name)
      .varint(6, static_cast<std::uint64_t>(span.kind))
      .fixed64(7, unix_nanos(span.started))
      .fixed64(8, unix_nanos(span.ended));
  for (const auto& [key, value] : span.attributes) message.message(9, key_value(key, value));
  static constexpr std::uint64_t kError = 2;
  if (span.failed) {
    Message status;
    status.varint(3, kError);
    message.message(15, status);
  }
  message.fixed32(16, span.context.flags);
  return message;
}

}  // namespace

std::string to_otlp(std::span<const TraceSpan> spans, const Resource& resource) {
  Message who;
  for (const auto& [key, value] : resource) who.message(1, key_value(key, value));
  Message scope;
  scope.bytes(1, "agora");
  Message scope_spans;
  scope_spans.message(1, scope);
  for (const auto& span : spans) scope_spans.message(2, to_message(span));
  Message resource_spans;
  resource_spans.message(1, who).message(2, scope_spans);
  Message request;
  request.message(1, resource_spans);
  return request.take();
}

}  // namespace agora::telemetry
