#pragma once
#include <optional>

#include "libs/json/writer.hpp"
#include "services/order/core/fulfillment.hpp"

namespace agora::order {

/// The member `tracking`, as documents and events have it.
void write_tracking(json::Writer& json, const std::optional<Tracking>& tracking);

}  // namespace agora::order
