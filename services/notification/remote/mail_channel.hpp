#pragma once
#include "libs/base/ctx.hpp"
#include "libs/base/result.hpp"
#include "libs/base/task.hpp"
#include "services/notification/core/mail.hpp"

namespace agora::notification {

/// Where mails go.
class MailChannel {
 public:
  virtual ~MailChannel() = default;

  /// Hands a mail over; success means that the other side has it for good. May deliver twice when we die in between:
  /// the Message-ID is then the same.
  /// Errors: `mail_deferred` (unavailable: try again later), `mail_refused` (invalid_argument: never will be taken).
  virtual Task<Result<void>> send(Ctx ctx, Mail mail) = 0;

  /// Ends what is under way; later calls fail with mail_deferred. Called before the io thread ends.
  virtual void stop() = 0;
};

}  // namespace agora::notification
