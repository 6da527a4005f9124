#include <set>

#include "libs/base/gather.hpp"
#include "libs/log/log.hpp"
#include "libs/telemetry/tracer.hpp"
#include "services/notification/api/jobs.hpp"
#include "services/notification/api/messages.hpp"
#include "services/notification/core/claims.hpp"

namespace agora::notification {
namespace {

using telemetry::MoreWork;

/// Due mails looked at in a round, for each that can be sent in it: those that go nowhere must not hold up the others.
constexpr int kLookAhead = 8;

constexpr std::chrono::milliseconds kMeasureInterval{1'000};

/// What a round uses; outlives the job.
struct Delivering {
  Delivering(NotificationStore& notifications_, MailChannel& channel_, OrderContacts* contacts_, const Clock& clock_,
             const Config& config_, telemetry::Registry& metrics_, std::chrono::milliseconds allowed)
      : notifications(notifications_),
        channel(channel_),
        contacts(contacts_),
        clock(clock_),
        config(config_),
        metrics(metrics_),
        pending(metrics.gauge("agora_mail_pending", "Mails that are to be delivered, now or later.")),
        dead(metrics.gauge("agora_mail_dead", "Mails that were given up and that nobody had tried again.")),
        watch(allowed) {
    // There before any happens: a counter that begins at 1 has not risen.
    for (const auto status :
         {DeliveryStatus::pending, DeliveryStatus::sent, DeliveryStatus::suppressed, DeliveryStatus::dead}) {
      attempts(status);
    }
  }
  telemetry::Counter& attempts(DeliveryStatus status) const {
    return metrics.counter("agora_mail_attempts_total", "Attempts to deliver a mail, by what became of it.",
                           {{"status", std::string(to_string(status))}});
  }

  NotificationStore& notifications;
  MailChannel& channel;
  OrderContacts* contacts;
  const Clock& clock;
  const Config& config;
  telemetry::Registry& metrics;
  telemetry::Gauge& pending;
  telemetry::Gauge& dead;
  Deadline measure_at{};
  ClaimWatch watch;
  ClaimId claim{};                    ///< of the round before, when it did not come to its end
  std::vector<Delivery> not_noted{};  ///< what became of its mails
};

Mail compose(const DueMail& due, const std::vector<std::string>& address, const Config& config) {
  auto words = words_of(due.kind, due.locale, due.data, due.display_name, address);
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

/// Whether order is asked before it is written. Whom auth told of is written to without, unless it says where it goes.
bool asks_order(const Delivering& self, const DueMail& due) {
  if (self.contacts == nullptr || !due.order_group_id || !is_to_buyer(due.kind)) return false;
  return due.email.empty() || tells_address(due.kind);
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

/// Tells the trace of what happened that somebody was written to of it.
void trace(const Delivering& self, std::optional<telemetry::TraceSpan> span, const DueMail& due,
           const Outcome& outcome) {
  if (!span) return;
  span->failed = outcome.status != DeliveryStatus::sent;
  span->attributes = {{"agora.notification.id", due.notification_id.str()},
                      {"agora.notification.kind", std::string(to_string(due.kind))},
                      {"agora.mail.attempt", due.attempts + 1},
                      {"agora.mail.status", std::string(to_string(outcome.status))}};
  self.metrics.tracer().tell(*std::move(span));
}

/// What order knows of who bought it; nothing when it knows of nobody. "No": mail_deferred.
Task<Result<Contact>> ask_order(Delivering& self, Ctx ctx, const DueMail& due) {
  if (!asks_order(self, due)) co_return Contact();
  auto asking = self.contacts->of(std::move(ctx), *due.order_group_id);
  auto contact = co_await std::move(asking);
  if (contact && contact->user_id == due.user_id.str()) co_return contact;
  if (contact || contact.error().errc == Errc::not_found) co_return Contact();
  co_return Error{Errc::unavailable, "mail_deferred", "Order could not be asked: " + contact.error().message};
}

/// Sends it, or finds that there is nowhere to.
Task<Outcome> attempt(Delivering& self, Ctx ctx, DueMail& due) {
  const auto contact = co_await ask_order(self, ctx, due);
  if (!contact) {
    const Result<void> deferred = contact.error();
    co_return after_attempt(deferred, due.attempts, due.made_at, self.clock.now(), self.config.delivery);
  }
  if (due.email.empty() && !contact->email.empty()) {
    due.email = contact->email;
    due.user_is_known = true;
  }
  if (auto outcome = settled(self, due)) co_return *std::move(outcome);
  auto mail = compose(due, contact->address, self.config);
  const auto sent = co_await self.channel.send(std::move(ctx), std::move(mail));
  co_return after_attempt(sent, due.attempts, due.made_at, self.clock.now(), self.config.delivery);
}

/// What became of it is known, whatever happens to the others that are sent at the same time.
Task<DeliveryStatus> send_one(Delivering& self, Ctx ctx, DueMail due) {
  std::optional<telemetry::TraceSpan> span;
  if (const auto parent = self.metrics.tracer().recorded(due.traceparent)) {
    span = self.metrics.tracer().begin_under(*parent, "deliver mail", telemetry::TraceSpan::Kind::client);
    ctx.trace = span->context;
  }
  auto outcome = co_await attempt(self, std::move(ctx), due);
  trace(self, std::move(span), due, outcome);
  const auto status = outcome.status;
  self.not_noted.push_back({due.notification_id, std::move(outcome)});
  co_return status;
}

void tell(const Delivering& self, const Ctx& ctx, const Delivery& delivery) {
  const auto& [id, outcome] = delivery;
  self.attempts(outcome.status).add();
  if (outcome.status == DeliveryStatus::dead) {
    log::error(ctx, "mail given up", {{"notification_id", id}, {"why", outcome.failure}});
  }
}

/// Notes what became of the claimed mails, and lets go of them. What cannot be noted now is before anything else is
/// sent: the mail server has it.
Task<void> note(Delivering& self, Ctx ctx) {
  if (self.claim.empty()) co_return;
  const auto now = self.clock.now();
  co_await self.notifications.record(ctx, self.claim, self.not_noted, now);
  for (const auto& delivery : self.not_noted) tell(self, ctx, delivery);
  self.not_noted.clear();
  self.claim = {};
}

bool is_settled_without_order(const Delivering& self, const DueMail& due) {
  return !asks_order(self, due) && settled(self, due).has_value();
}

/// What is done in a round: as many mails as are sent at once, and those that are settled without.
struct Plan {
  std::vector<DueMail> mails{};
  MoreWork more = MoreWork::no;
};

Plan plan_round(const Delivering& self, std::vector<DueMail> due) {
  Plan plan;
  std::int64_t to_send = 0;
  for (auto& mail : due) {
    const bool is_settled = is_settled_without_order(self, mail);
    if (!is_settled && to_send == self.config.mail_concurrency) {
      plan.more = MoreWork::yes;
      continue;
    }
    if (!is_settled) ++to_send;
    plan.mails.push_back(std::move(mail));
  }
  return plan;
}

/// Claims them; those that were got are left.
Task<std::vector<DueMail>> claim(Delivering& self, Ctx ctx, std::vector<DueMail> mails, Timestamp now) {
  std::vector<NotificationId> wanted;
  for (const auto& mail : mails) wanted.push_back(mail.notification_id);
  self.claim = new_id<ClaimTag>(now);
  const auto got = co_await self.notifications.claim(std::move(ctx), self.claim, std::move(wanted), now);
  const std::set<NotificationId> ours(got.begin(), got.end());
  std::erase_if(mails, [&](const DueMail& mail) { return !ours.contains(mail.notification_id); });
  co_return mails;
}

Task<void> measure(Delivering& self, Ctx ctx) {
  const auto now = std::chrono::steady_clock::now();
  if (now < self.measure_at) co_return;
  self.measure_at = now + kMeasureInterval;
  const auto counts = co_await self.notifications.mail_counts(std::move(ctx));
  self.pending.set(counts.pending);
  self.dead.set(counts.dead);
}

Task<MoreWork> delivery_round(Delivering& self, Ctx ctx) {
  co_await note(self, ctx);
  co_await measure(self, ctx);
  const auto look_at = static_cast<int>(self.config.mail_concurrency) * kLookAhead;
  const auto now = self.clock.now();
  auto due = co_await self.notifications.due(ctx, now, look_at);
  auto over = self.watch.ran_out(due.claims, std::chrono::steady_clock::now());
  if (!over.empty()) {
    co_await self.notifications.release(ctx, std::move(over));
    co_return MoreWork::yes;
  }
  if (due.mails.empty()) co_return MoreWork::no;
  const bool all_seen = static_cast<int>(due.mails.size()) < look_at;
  auto plan = plan_round(self, std::move(due.mails));

  // Counted from before the claim is made: nobody takes a mail for free that we may yet send.
  auto send_ctx = ctx;
  send_ctx.deadline = std::chrono::steady_clock::now() + self.config.mail_deadline;
  auto mails = co_await claim(self, ctx, std::move(plan.mails), now);
  std::vector<Task<DeliveryStatus>> sending;
  for (auto& mail : mails) {
    if (is_settled_without_order(self, mail)) {
      self.not_noted.push_back({mail.notification_id, settled(self, mail).value()});
    } else {
      sending.push_back(send_one(self, send_ctx, std::move(mail)));
    }
  }
  // What is sent is noted before more is: so few are sent twice should we die.
  co_await gather(std::move(sending));
  co_await note(self, ctx);
  co_return all_seen ? plan.more : MoreWork::yes;
}

}  // namespace

telemetry::Job delivery_job(NotificationStore& notifications, MailChannel& channel, OrderContacts* contacts,
                            const Clock& clock, const Config& config, Others others, telemetry::Registry& metrics) {
  const auto allowed = others == Others::none ? std::chrono::milliseconds(0) : config.mail_claim;
  const auto self = std::make_shared<Delivering>(notifications, channel, contacts, clock, config, metrics, allowed);
  return [self](Ctx ctx) { return delivery_round(*self, std::move(ctx)); };
}

}  // namespace agora::notification
