#include "services/notification/api/http_notifications.hpp"

#include <boost/describe/class.hpp>

#include "libs/http/pages.hpp"
#include "services/notification/api/notification_json.hpp"

namespace agora::notification {
namespace {

using http::Auth;
using http::DemoGuests;
using http::Method;
using http::Ownership;
using http::Query;
using http::Request;
using http::Response;
using HandlerResult = Task<Result<Response>>;

HandlerResult list_notifications(const NotificationRoutes& self, Ctx ctx, Request request);
HandlerResult follow_notifications(const NotificationRoutes& self, Ctx ctx, Request request);
HandlerResult mark_notification(const NotificationRoutes& self, Ctx ctx, Request request);
HandlerResult list_dead_deliveries(const NotificationRoutes& self, Ctx ctx, Request request);
HandlerResult retry_delivery(const NotificationRoutes& self, Ctx ctx, Request request);

}  // namespace

std::vector<http::Route> notification_routes(const NotificationRoutes& self) {
  const auto with_query = [](http::Route route) {
    route.query = Query::read;
    return route;
  };
  return {
      with_query({Method::get, "/notifications", "listNotifications", Auth::user, Ownership::buyer,
                  http::bound(self, list_notifications)}),
      {Method::get, "/notifications/events", "followNotifications", Auth::user, Ownership::buyer,
       http::bound(self, follow_notifications), DemoGuests::no, http::Admission::stream, "text/event-stream"},
      {Method::patch, "/notifications/{notification_id}", "markNotification", Auth::user, Ownership::buyer,
       http::bound(self, mark_notification)},
      with_query({Method::get, "/admin/deliveries", "listDeadDeliveries", Auth::support, Ownership::none,
                  http::bound(self, list_dead_deliveries)}),
      {Method::post, "/admin/deliveries/{notification_id}/retry", "retryDelivery", Auth::support, Ownership::none,
       http::bound(self, retry_delivery)},
  };
}

namespace {

Error no_such_notification() {
  return {Errc::not_found, "not_found", "There is no such notification."};
}

/// Where a page goes on. A cursor's fields: microseconds, notification id.
Result<std::optional<NotificationPosition>> read_position(const std::optional<std::string>& text,
                                                          const std::string& bound_to) {
  if (!text) return std::optional<NotificationPosition>{};
  AGORA_TRY(auto cursor, http::Cursor::decode(*text, bound_to, 2));
  AGORA_TRY(const auto time, cursor.time(0));
  AGORA_TRY(auto id, cursor.id<NotificationId>(1));
  return std::optional<NotificationPosition>({time, std::move(id)});
}

std::string cursor_after(Timestamp made_at, const NotificationId& id, const std::string& bound_to) {
  return http::Cursor{{std::to_string(made_at.time_since_epoch().count()), id.str()}}.encode(bound_to);
}

HandlerResult list_notifications(const NotificationRoutes& self, Ctx ctx, Request request) {
  AGORA_CO_TRY(auto pairs, request.query());
  http::QueryParameters parameters(std::move(pairs));
  const auto unread = parameters.take("unread");
  const auto cursor = parameters.take("cursor");
  const auto limit = parameters.take_limit();
  if (unread && *unread != "true" && *unread != "false") {
    parameters.complain("unread", "invalid_value", "must be true or false");
  }
  AGORA_CO_TRY_VOID(parameters.finish());
  const bool unread_only = unread == "true";
  const UserId user_id(ctx.principal.subject);
  const auto bound_to = user_id.str() + (unread_only ? "\nunread" : "\nall");
  AGORA_CO_TRY(auto position, read_position(cursor, bound_to));
  const auto page = co_await self.notifications.list(std::move(ctx), user_id, unread_only, std::move(position), limit);
  std::string next;
  if (page.has_more) {
    const auto& last = page.notifications.back();
    next = cursor_after(last.made_at, last.notification_id, bound_to);
  }
  co_return Response{.body = render_notification_page(page.notifications, next)};
}

HandlerResult follow_notifications(const NotificationRoutes& self, Ctx ctx, Request request) {
  auto user_id = ctx.principal.subject;
  return self.live.follow(std::move(ctx), request, std::move(user_id));
}

/// What a user can change of a notification.
struct NotificationPatch {
  bool read = false;
};
BOOST_DESCRIBE_STRUCT(NotificationPatch, (), (read))

HandlerResult mark_notification(const NotificationRoutes& self, Ctx ctx, Request request) {
  const auto notification_id = NotificationId::parse(request.path_parameter("notification_id"));
  if (!notification_id) co_return no_such_notification();
  AGORA_CO_TRY(const auto patch, http::read_merge_patch<NotificationPatch>(request));
  const UserId user_id(ctx.principal.subject);
  const auto now = self.clock.now();
  const auto marked = co_await self.notifications.mark(std::move(ctx), user_id, *notification_id, patch.read, now);
  if (!marked) co_return no_such_notification();
  co_return Response{.body = render_notification(*marked)};
}

HandlerResult list_dead_deliveries(const NotificationRoutes& self, Ctx ctx, Request request) {
  AGORA_CO_TRY(auto pairs, request.query());
  http::QueryParameters parameters(std::move(pairs));
  const auto status = parameters.take("status");
  const auto cursor = parameters.take("cursor");
  const auto limit = parameters.take_limit();
  if (status && *status != "dead") parameters.complain("status", "invalid_value", "must be dead");
  AGORA_CO_TRY_VOID(parameters.finish());
  const std::string bound_to = "dead";
  AGORA_CO_TRY(auto position, read_position(cursor, bound_to));
  const auto page = co_await self.notifications.dead(std::move(ctx), std::move(position), limit);
  std::string next;
  if (page.has_more) next = cursor_after(page.mails.back().made_at, page.mails.back().notification_id, bound_to);
  co_return Response{.body = render_dead_mail_page(page.mails, next)};
}

HandlerResult retry_delivery(const NotificationRoutes& self, Ctx ctx, Request request) {
  const auto notification_id = NotificationId::parse(request.path_parameter("notification_id"));
  if (!notification_id) co_return no_such_notification();
  const auto now = self.clock.now();
  const bool found = co_await self.notifications.retry(std::move(ctx), *notification_id, now);
  if (!found) co_return no_such_notification();
  co_return Response{.status = 202, .body = "{}"};
}

}  // namespace
}  // namespace agora::notification
