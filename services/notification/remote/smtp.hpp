#pragma once
#include <string>

#include "libs/base/secret.hpp"
#include "libs/transfer/transfers.hpp"
#include "services/notification/remote/mail_channel.hpp"

namespace agora::notification {

/// Where mails are handed over.
struct SmtpOptions {
  std::string url{};   ///< `smtp://HOST:PORT`, `smtps://HOST:PORT`
  std::string user{};  ///< empty: without AUTH
  Secret<std::string> password{};
  bool require_tls = true;  ///< smtp://: nothing is said before STARTTLS; false: where the server offers it
};

/// Hands mails to a mail server by SMTP (RFC 5321), over libcurl, which keeps connections open between them. Each has
/// exactly one recipient.
class Smtp final : public MailChannel {
 public:
  /// Throws std::invalid_argument when the URL is none.
  explicit Smtp(SmtpOptions options);

  Task<Result<void>> send(Ctx ctx, Mail mail) override;
  void stop() override { transfers_.stop(); }

 private:
  SmtpOptions options_;
  transfer::Transfers transfers_;
};

}  // namespace agora::notification
