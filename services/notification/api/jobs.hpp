#pragma once
#include "libs/base/clock.hpp"
#include "libs/telemetry/job_loop.hpp"
#include "services/notification/config.hpp"
#include "services/notification/remote/mail_channel.hpp"
#include "services/notification/store/notification_store.hpp"

namespace agora::notification {

/// Delivers the mails whose time has come, up to `config.mail_concurrency` of them at once, and notes what became of
/// each. A mail can be delivered twice when we die between the server's yes and our note of it: its Message-ID is then
/// the same.
telemetry::Job delivery_job(NotificationStore& notifications, MailChannel& channel, const Clock& clock,
                            const Config& config, telemetry::Registry& metrics);

}  // namespace agora::notification
