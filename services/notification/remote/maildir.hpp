#pragma once
#include <string>

#include "libs/base/blocking_pool.hpp"
#include "services/notification/remote/mail_channel.hpp"

namespace agora::notification {

/// Mails as files of a Maildir (https://cr.yp.to/proto/maildir.html), for those who run without a mail server. A file
/// is named after its Message-ID: a mail that is delivered again replaces itself, until somebody moved it.
class Maildir final : public MailChannel {
 public:
  /// Makes the folder where it is missing; throws std::filesystem::filesystem_error when it cannot.
  explicit Maildir(std::string folder);

  Task<Result<void>> send(Ctx ctx, Mail mail) override;
  void stop() override {}

 private:
  std::string folder_;
  BlockingPool pool_{1};
};

}  // namespace agora::notification
