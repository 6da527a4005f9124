#include "libs/base/gather.hpp"
#include "libs/log/log.hpp"
#include "services/notification/api/jobs.hpp"
#include "services/notification/api/messages.hpp"

namespace agora::notification {
namespace {

using telemetry::MoreWork;

/// What a round uses; outlives the job.
struct Delivering {
  NotificationStore& notifications;
  MailChannel& channel;
  const Clock& clock;
  const Config& config;
  telemetry::Registry& metrics;
};

Mail compose(const DueMail& due, const Config& config) {
  auto words = words_of(due.kind, due.locale, due.data, due.display_name);
  // Made from what the notification is of: the same whenever it is sent, also after a restore.
  return {.message_id = due.event_id + "." + due.user_id.str() + "@" + config.mail_domain(),
          .from = config.mail_from,
          .from_name = config.mail_from_name,
          .to = due.email,
          .to_name = due.display_name,
          .subject = std::move(words.subject),
          .text = std::move(words.text),
          .html = std::move(words.html),
          .date = due.made_at};
}

Outcome suppressed(const DueMail& due, std::string why) {
  return {.status = DeliveryStatus::suppressed, .attempts = due.attempts, .failure = std::move(why)};
}

Task<Outcome> deliver_one(const Delivering& self, Ctx ctx, DueMail due) {
  if (!due.user_is_known) {
    // Auth's events come by another way than those that we tell of.
    const Error unknown{Errc::unavailable, "mail_deferred", "The user has not been heard of yet."};
    co_return after_attempt(unknown, due.attempts, due.made_at, self.clock.now(), self.config.delivery);
  }
  if (due.email.empty()) co_return suppressed(due, "The user has no mail address.");
  if (!is_mail_address(due.email)) co_return suppressed(due, "The user's mail address is none.");
  auto mail = compose(due, self.config);
  const auto sent = co_await self.channel.send(std::move(ctx), std::move(mail));
  co_return after_attempt(sent, due.attempts, due.made_at, self.clock.now(), self.config.delivery);
}

Task<MoreWork> delivery_round(const Delivering& self, Ctx ctx) {
  const auto limit = static_cast<int>(self.config.mail_concurrency);
  const auto now = self.clock.now();
  auto due = co_await self.notifications.due(ctx, now, limit);
  if (due.empty()) co_return MoreWork::no;
  auto send_ctx = ctx;
  send_ctx.deadline = std::chrono::steady_clock::now() + self.config.mail_deadline;
  std::vector<Task<Outcome>> sending;
  std::vector<Delivery> deliveries;
  for (auto& mail : due) {
    deliveries.push_back({mail.notification_id, {}});
    sending.push_back(deliver_one(self, send_ctx, std::move(mail)));
  }
  auto outcomes = co_await gather(std::move(sending));
  for (std::size_t i = 0; i < deliveries.size(); ++i) {
    auto& outcome = deliveries[i].outcome = std::move(outcomes[i]);
    self.metrics
        .counter("agora_mail_attempts_total", "Attempts to deliver a mail by what became of it",
                 {{"status", std::string(to_string(outcome.status))}})
        .add();
    if (outcome.status == DeliveryStatus::dead) {
      log::error(ctx, "mail given up", {{"notification_id", deliveries[i].notification_id}, {"why", outcome.failure}});
    }
  }
  const bool full = static_cast<int>(deliveries.size()) == limit;
  const auto done = self.clock.now();
  co_await self.notifications.record(ctx, std::move(deliveries), done);
  co_return full ? MoreWork::yes : MoreWork::no;
}

}  // namespace

telemetry::Job delivery_job(NotificationStore& notifications, MailChannel& channel, const Clock& clock,
                            const Config& config, telemetry::Registry& metrics) {
  const auto self = std::make_shared<Delivering>(Delivering{notifications, channel, clock, config, metrics});
  return [self](Ctx ctx) { return delivery_round(*self, std::move(ctx)); };
}

}  // namespace agora::notification
