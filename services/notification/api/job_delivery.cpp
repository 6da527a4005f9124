#include "libs/base/gather.hpp"
#include "libs/log/log.hpp"
#include "services/notification/api/jobs.hpp"
#include "services/notification/api/messages.hpp"

namespace agora::notification {
namespace {

using telemetry::MoreWork;

/// Due mails looked at in a round, for each that can be sent in it: those that go nowhere must not hold up the others.
constexpr int kLookAhead = 8;

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

/// What needs nobody's answer: none when the mail is to be sent.
std::optional<Outcome> settled(const Delivering& self, const DueMail& due) {
  if (!due.user_is_known) {
    // Auth's events come by another way than those that we tell of.
    const Error unknown{Errc::unavailable, "mail_deferred", "The user has not been heard of yet."};
    return after_attempt(unknown, due.attempts, due.made_at, self.clock.now(), self.config.delivery);
  }
  if (due.email.empty()) return suppressed(due, "The user has no mail address.");
  if (!is_mail_address(due.email)) return suppressed(due, "The user's mail address is none.");
  return std::nullopt;
}

Task<Delivery> send_one(const Delivering& self, Ctx ctx, DueMail due) {
  auto mail = compose(due, self.config);
  const auto sent = co_await self.channel.send(std::move(ctx), std::move(mail));
  co_return Delivery{due.notification_id,
                     after_attempt(sent, due.attempts, due.made_at, self.clock.now(), self.config.delivery)};
}

void tell(const Delivering& self, const Ctx& ctx, const Delivery& delivery) {
  const auto& [id, outcome] = delivery;
  self.metrics
      .counter("agora_mail_attempts_total", "Attempts to deliver a mail by what became of it",
               {{"status", std::string(to_string(outcome.status))}})
      .add();
  if (outcome.status == DeliveryStatus::dead) {
    log::error(ctx, "mail given up", {{"notification_id", id}, {"why", outcome.failure}});
  }
}

Task<MoreWork> delivery_round(const Delivering& self, Ctx ctx) {
  const auto concurrency = static_cast<std::size_t>(self.config.mail_concurrency);
  const auto look_at = static_cast<int>(concurrency) * kLookAhead;
  const auto now = self.clock.now();
  auto due = co_await self.notifications.due(ctx, now, look_at);
  if (due.empty()) co_return MoreWork::no;
  auto send_ctx = ctx;
  send_ctx.deadline = std::chrono::steady_clock::now() + self.config.mail_deadline;
  std::vector<Delivery> deliveries;
  std::vector<Task<Delivery>> sending;
  bool more = static_cast<int>(due.size()) == look_at;
  for (auto& mail : due) {
    if (auto outcome = settled(self, mail)) {
      deliveries.push_back({mail.notification_id, *std::move(outcome)});
    } else if (sending.size() < concurrency) {
      sending.push_back(send_one(self, send_ctx, std::move(mail)));
    } else {
      more = true;
    }
  }
  // What is sent is noted before more is: so few are sent twice should we die.
  auto sent = co_await gather(std::move(sending));
  std::move(sent.begin(), sent.end(), std::back_inserter(deliveries));
  for (const auto& delivery : deliveries) tell(self, ctx, delivery);
  const auto done = self.clock.now();
  co_await self.notifications.record(ctx, std::move(deliveries), done);
  co_return more ? MoreWork::yes : MoreWork::no;
}

}  // namespace

telemetry::Job delivery_job(NotificationStore& notifications, MailChannel& channel, const Clock& clock,
                            const Config& config, telemetry::Registry& metrics) {
  const auto self = std::make_shared<Delivering>(Delivering{notifications, channel, clock, config, metrics});
  return [self](Ctx ctx) { return delivery_round(*self, std::move(ctx)); };
}

}  // namespace agora::notification
