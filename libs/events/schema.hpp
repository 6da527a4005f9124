#pragma once
#include <string_view>

namespace agora::events {

/// The table of events that a service writes with its state. For a service's migrations; `order` has its own, older
/// one.
extern const std::string_view kOutboxSchema;
/// What makes an outbox a log that can be served: its id, how far it was trimmed, who reads it.
extern const std::string_view kLogSchema;
/// What gives the events of a log their numbers once they committed, and what relays keep of it. Comes after the two
/// above.
extern const std::string_view kNumberingSchema;
/// What a consumer remembers: positions, versions, parked events.
extern const std::string_view kInboxSchema;

}  // namespace agora::events
