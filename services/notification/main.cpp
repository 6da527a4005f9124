// The notification service: its own parts, put on what every service's process is.

#include "embedded/docs_page.hpp"
#include "embedded/index_page.hpp"
#include "embedded/openapi_document.hpp"
#include "libs/http/error_table.hpp"
#include "libs/service/contract_pages.hpp"
#include "libs/service/offers_file.hpp"
#include "libs/service/process.hpp"
#include "services/notification/api/http_notifications.hpp"
#include "services/notification/api/jobs.hpp"
#include "services/notification/api/live_notifications.hpp"
#include "services/notification/api/on_event.hpp"
#include "services/notification/remote/maildir.hpp"
#include "services/notification/remote/smtp.hpp"
#include "services/notification/store/notification_log.hpp"

namespace agora::notification {
namespace {

http::Router public_router(const NotificationRoutes& routes) {
  http::Router router;
  router.mount("", service::page_routes({embedded::index_page, embedded::docs_page, embedded::openapi_document}));
  router.mount("", http::error_routes());
  router.mount("", service::health_route("Notification Service", "getNotificationHealth"));
  router.mount("/api/v1", service::health_route("Notification Service", "getNotificationHealth"));
  router.mount("/api/v1", notification_routes(routes));
  return router;
}

/// None when mails are turned off.
std::unique_ptr<MailChannel> mail_channel(const Config& config) {
  static constexpr std::string_view kMaildir = "maildir:";
  if (config.mail == "none") return nullptr;
  if (config.mail.starts_with(kMaildir)) return std::make_unique<Maildir>(config.mail.substr(kMaildir.size()));
  return std::make_unique<Smtp>(
      SmtpOptions{config.mail, config.mail_user, config.mail_password, !config.mail_tls_optional});
}

/// None when nobody said where it is.
std::unique_ptr<OrderContacts> order_contacts(const Config& config, service::Process& process) {
  if (config.order_grpc.empty()) return nullptr;
  return std::make_unique<OrderContacts>(process.peer("order", config.order_grpc), process.metrics());
}

int serve(const Config& config) {
  auto offers = service::load_offers(config.offers);
  service::Process process(config);
  NotificationStore notifications(process.database());
  const LiveNotifications log;
  events::Live live(process.database(), log, process.clock());
  const NotificationRoutes routes{notifications, process.clock(), live};
  EventHandler handler(process.clock(), process.erased(), config.channels());
  service::Process::Parts parts{public_router(routes), process.tokens(), migrations(), handler, std::move(offers)};
  parts.numbered = kNotificationLog;
  if (!process.start(std::move(parts))) return 0;
  process.add_job("notification.live", config.live_interval, live.job());
  const auto channel = mail_channel(config);
  const auto contacts = order_contacts(config, process);
  if (channel) {
    // One process writes a SQLite file.
    const auto others = process.database().engine() == sql::Engine::sqlite ? Others::none : Others::some;
    process.add_job(
        "notification.delivery", config.mail_interval,
        delivery_job(notifications, *channel, contacts.get(), process.clock(), config, others, process.metrics()),
        config.mail_claim);
    process.on_drain([&channel] { channel->stop(); });
    if (contacts) process.on_drain([&contacts] { contacts->stop(); });
  }
  return process.run();
}

}  // namespace
}  // namespace agora::notification

int main(int argc, char** argv) {
  agora::notification::Config config;
  if (const auto code = config.parse(argc, argv)) return *code;
  return agora::service::run_program(config, [&config] { return agora::notification::serve(config); });
}
