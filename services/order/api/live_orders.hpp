#pragma once
#include "libs/events/live.hpp"

namespace agora::order {

/// What happens to orders, as their buyers follow it: the outbox's events of an order by their types, each with the
/// order as GET answers it when it is read, so never as it was before the event. What an event carries besides is for
/// services.
class LiveOrders final : public events::LiveLog {
 public:
  events::LogState state(sql::Tx& tx) const override;
  std::vector<events::LiveEvent> of_many(sql::Tx& tx, const events::Stretch& stretch,
                                         const Subjects& order_ids) const override;
  std::vector<events::LiveEvent> of_one(sql::Tx& tx, const events::Stretch& stretch, const std::string& order_id,
                                        std::int64_t limit) const override;

 private:
  const events::EventLog log_{"order", {}};
};

}  // namespace agora::order
