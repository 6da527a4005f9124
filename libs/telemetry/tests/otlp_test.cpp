#include "libs/telemetry/otlp.hpp"

#include <gtest/gtest.h>

namespace agora::telemetry {
namespace {

// What it means is asserted with OpenTelemetry's own messages (tests/e2e/test_traces.py); here, that no byte of it
// moves.
TEST(Otlp, IsWrittenAsTheWireFormatHasIt) {
  TraceSpan span{.name = "n", .kind = TraceSpan::Kind::consumer};
  span.context.trace_id.fill(0x11);
  span.context.span_id.fill(0x22);
  span.context.flags = 1;
  span.parent.fill(0x33);
  span.started = Timestamp(std::chrono::microseconds(1));
  span.ended = Timestamp(std::chrono::microseconds(2));
  span.attributes = {{"a", std::int64_t{300}}, {"b", std::string("text")}};
  span.failed = true;

  using namespace std::string_literals;
  // A field of bytes, shorter than 128.
  const auto field = [](char tag, const std::string& value) {
    return tag + std::string(1, static_cast<char>(value.size())) + value;
  };
  const auto pair = [&](const std::string& key, const std::string& value) {
    return field('\x0A', key) + field('\x12', value);
  };
  const auto body = field('\x0A', std::string(16, '\x11')) + field('\x12', std::string(8, '\x22')) +
                    field('\x22', std::string(8, '\x33')) + field('\x2A', "n") + "\x30\x05"s +
                    "\x39\xE8\x03\0\0\0\0\0\0"s + "\x41\xD0\x07\0\0\0\0\0\0"s +
                    field('\x4A', pair("a", "\x18\xAC\x02")) + field('\x4A', pair("b", field('\x0A', "text"))) +
                    field('\x7A', "\x18\x02") + "\x85\x01\x01\0\0\0"s;
  const auto resource = field('\x0A', field('\x0A', pair("k", field('\x0A', "v"))));
  const auto scope_spans = field('\x12', field('\x0A', field('\x0A', "agora")) + field('\x12', body));
  EXPECT_EQ(to_otlp({&span, 1}, {{"k", "v"}}), field('\x0A', resource + scope_spans));

  // A length of two bytes.
  span.name = std::string(200, 'x');
  EXPECT_NE(to_otlp({&span, 1}, {}).find("\x2A\xC8\x01" + span.name), std::string::npos);
}

}  // namespace
}  // namespace agora::telemetry
