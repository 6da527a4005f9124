#pragma once
#include "libs/events/live.hpp"

namespace agora::notification {

/// What users are told in the app, as they follow it: by kind, each with the notification as GET answers it.
class LiveNotifications final : public events::LiveLog {
 public:
  events::LogState state(sql::Tx& tx) const override;
  std::vector<events::LiveEvent> of_many(sql::Tx& tx, const events::Stretch& stretch,
                                         const Subjects& user_ids) const override;
  std::vector<events::LiveEvent> of_one(sql::Tx& tx, const events::Stretch& stretch, const std::string& user_id,
                                        std::int64_t limit) const override;
};

}  // namespace agora::notification
