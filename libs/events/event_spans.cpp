#include "libs/events/event_spans.hpp"

#include <algorithm>

namespace agora::events {

EventSpans::~EventSpans() {
  for (auto& span : spans_) {
    span.failed |= !succeeded_;
    span.attributes.emplace_back("messaging.batch.message_count", static_cast<std::int64_t>(spans_.size()));
    tracer_.tell(std::move(span));
  }
}

std::string EventSpans::begin(const std::string& event_id, const std::string& topic, const std::string& traceparent) {
  const auto parent = tracer_.recorded(traceparent);
  if (!parent) return traceparent;
  auto span = tracer_.begin_under(*parent, std::string(operation_) + ' ' + topic, kind_);
  span.attributes = {{"messaging.system", system_},
                     {"messaging.operation.type", std::string(operation_)},
                     {"messaging.destination.name", topic},
                     {"messaging.message.id", event_id}};
  spans_.push_back(std::move(span));
  event_ids_.push_back(event_id);
  return spans_.back().context.traceparent();
}

void EventSpans::fail(std::string_view event_id) {
  const auto found = std::find(event_ids_.begin(), event_ids_.end(), event_id);
  if (found != event_ids_.end()) spans_[static_cast<std::size_t>(found - event_ids_.begin())].failed = true;
}

}  // namespace agora::events
