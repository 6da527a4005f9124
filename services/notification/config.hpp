#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libs/base/secret.hpp"
#include "libs/service/settings.hpp"
#include "services/notification/core/delivery.hpp"
#include "services/notification/core/types.hpp"

namespace agora::notification {

/// All settings of the notification service: those of every service, and these.
struct Config : service::Settings {
  Config();

  std::string mail;  ///< where mails go: `smtp://HOST:PORT`, `smtps://…`, `maildir:DIR`, `none`
  std::string mail_user;
  Secret<std::string> mail_password;
  bool mail_tls_optional = false;
  std::string mail_from = "no-reply@agora.example";
  std::string mail_from_name = "Agora";
  std::chrono::milliseconds mail_interval{1'000};
  std::chrono::milliseconds mail_deadline{30'000};
  std::chrono::milliseconds mail_claim{60'000};
  std::int64_t mail_concurrency = 16;
  DeliveryLimits delivery{};
  std::string order_grpc;  ///< HOST:PORT where order is asked who bought something; empty: it is not

  /// Reads them; an exit code when the program should end now.
  std::optional<int> parse(int argc, const char* const* argv);

  /// By which ways people are told: `none` leaves mail out.
  std::vector<Channel> channels() const;
  /// The domain of mail_from, for Message-IDs.
  std::string mail_domain() const;
};

}  // namespace agora::notification
