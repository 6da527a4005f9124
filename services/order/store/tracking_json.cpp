#include "services/order/store/tracking_json.hpp"

namespace agora::order {

void write_tracking(json::Writer& json, const std::optional<Tracking>& tracking) {
  json.key("tracking");
  if (!tracking) {
    json.value(nullptr);
    return;
  }
  json.begin_object()
      .member("carrier", tracking->carrier)
      .member("number", tracking->number)
      .member("url", tracking->url)
      .end_object();
}

}  // namespace agora::order
