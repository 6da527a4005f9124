// Any bytes as an event, as a feed serves it or as it was parked: refused, or read; and what is read is written and
// read again as the same.

#include <cstdint>
#include <cstdlib>

#include "libs/base/id.hpp"
#include "libs/events/event.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto event = agora::events::read_event(text);
  if (!event) return 0;
  if (event->version < 1 || event->sequence < 1 || event->subject.size() > agora::kIdLengthMax) std::abort();
  if (event->data().kind() != agora::json::Kind::object) std::abort();
  const auto again = agora::events::read_event(event->text());
  if (!again || again->id != event->id || again->source != event->source || again->type != event->type ||
      again->topic != event->topic || again->subject != event->subject || again->version != event->version ||
      again->time != event->time || again->traceparent != event->traceparent || again->log_id != event->log_id ||
      again->sequence != event->sequence || again->text() != event->text()) {
    std::abort();
  }
  return 0;
}
