#pragma once
#include <vector>

#include "libs/base/clock.hpp"
#include "libs/events/live.hpp"
#include "libs/http/router.hpp"
#include "services/notification/store/notification_store.hpp"

namespace agora::notification {

/// What the routes need; outlives the server.
struct NotificationRoutes {
  NotificationStore& notifications;
  const Clock& clock;
  events::Live& live;  ///< of notifications
};

/// The rows of `/notifications` and `/admin/deliveries`, to be mounted at "/api/v1".
std::vector<http::Route> notification_routes(const NotificationRoutes& routes);

}  // namespace agora::notification
