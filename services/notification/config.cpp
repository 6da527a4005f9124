#include "services/notification/config.hpp"

#include "services/notification/core/mail.hpp"

namespace agora::notification {
namespace {

constexpr std::int64_t kDay = 24 * 60 * 60 * 1'000;
/// A Message-ID, and the name of a Maildir's file, hold two ids and this.
constexpr std::size_t kMailFromMax = 100;

bool is_mail_url(const std::string& url) {
  return url == "none" || url.starts_with("maildir:") || url.starts_with("smtp://") || url.starts_with("smtps://");
}

}  // namespace

Config::Config() {
  name = "notification";
  port = 8005;
  internal_port = 9105;
}

std::optional<int> Config::parse(int argc, const char* const* argv) {
  config::Parser parser(program(), "Tells people what happened, in the app and by mail.", "AGORA_NOTIFICATION_");
  declare(parser, {"order", "auth", "catalog"});
  declare_peer(parser, "order", order_grpc);
  parser.option(
      "mail", mail,
      "Where mails go: smtp://HOST:PORT, smtps://HOST:PORT, maildir:DIR or none (maildir:<data>/mail; must be "
      "named in production)");
  parser.option("mail-user", mail_user, "User of the mail server");
  parser.option("mail-password", mail_password, "Password of that user");
  parser.flag("mail-tls-optional", mail_tls_optional, "smtp://: send also where the server offers no STARTTLS");
  parser.option("mail-from", mail_from, "Address that mails come from");
  parser.option("mail-from-name", mail_from_name, "Name that mails come from");
  parser.option("mail.interval", mail_interval, "How often mails that are due are looked for", {.min = 1, .max = kDay});
  parser.option("mail.deadline", mail_deadline, "Longest time to hand over a mail", {.min = 1, .max = kDay});
  parser.option("mail.claim", mail_claim,
                "After it, mails that a process was handing over and said nothing of are taken over by another",
                {.min = 2, .max = kDay});
  parser.option("mail.concurrency", mail_concurrency, "Most mails handed over at once", {.min = 1, .max = 1'000});
  parser.option("mail.retry-first", delivery.retry_first, "A mail that failed is tried again after it; doubles",
                {.min = 1, .max = kDay});
  parser.option("mail.retry-max", delivery.retry_max, "And at least this often", {.min = 1, .max = 7 * kDay});
  parser.option("mail.give-up-after", delivery.give_up_after, "One that keeps failing is given up after it",
                {.min = 1, .max = 30 * kDay});
  parser.rule([this]() -> std::optional<std::string> {
    if (!production() || !mail.empty()) return std::nullopt;
    return "--mail must be named in production";
  });
  parser.rule([this]() -> std::optional<std::string> {
    if (mail.empty()) mail = "maildir:" + data + "/mail";
    if (is_mail_url(mail)) return std::nullopt;
    return "--mail must be smtp://HOST:PORT, smtps://HOST:PORT, maildir:DIR or none";
  });
  parser.rule([this]() -> std::optional<std::string> {
    if (mail_claim > mail_deadline) return std::nullopt;
    return "--mail.claim must be longer than --mail.deadline: what was handed over must be noted, too";
  });
  parser.rule([this]() -> std::optional<std::string> {
    if (is_mail_address(mail_from) && mail_from.size() <= kMailFromMax) return std::nullopt;
    return "--mail-from must be a mail address of at most " + std::to_string(kMailFromMax) + " characters";
  });
  return parse_with(parser, argc, argv);
}

std::vector<Channel> Config::channels() const {
  if (mail == "none") return {Channel::in_app};
  return {Channel::in_app, Channel::mail};
}

std::string Config::mail_domain() const {
  return mail_from.substr(mail_from.find('@') + 1);
}

}  // namespace agora::notification
