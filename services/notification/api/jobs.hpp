#pragma once
#include "libs/base/clock.hpp"
#include "libs/telemetry/job_loop.hpp"
#include "services/notification/config.hpp"
#include "services/notification/remote/mail_channel.hpp"
#include "services/notification/remote/order_contacts.hpp"
#include "services/notification/store/notification_store.hpp"

namespace agora::notification {

/// Whether other processes may work on the same database.
enum class Others { none, some };

/// Delivers the mails whose time has come, up to `config.mail_concurrency` of them at once, and notes what became of
/// each. It claims them first, so that of several processes one delivers a mail; what one that died had claimed is
/// taken over after `config.mail_claim`. A mail can be delivered twice when a process dies between the server's yes and
/// its note of it, or cannot note it for that long: the Message-ID is then the same.
/// `contacts`: whom to ask where buyers are written to that auth has not told of (guests), and where it goes what they
/// bought; while it gives no answer such mails wait. Null: nobody is asked.
telemetry::Job delivery_job(NotificationStore& notifications, MailChannel& channel, OrderContacts* contacts,
                            const Clock& clock, const Config& config, Others others, telemetry::Registry& metrics);

}  // namespace agora::notification
