#pragma once
#include <vector>

#include "libs/base/clock.hpp"
#include "libs/events/inbox.hpp"
#include "libs/service/erased_users.hpp"
#include "services/notification/core/types.hpp"

namespace agora::notification {

struct Message;

/// Who is told of what happens, and by which channels; keeps the users and sellers that others publish. The same for a
/// consumer and for --offers.
class EventHandler final : public events::Handler {
 public:
  /// All must outlive it.
  EventHandler(const Clock& clock, service::ErasedUsers& erased, std::vector<Channel> channels)
      : clock_(clock), erased_(erased), channels_(std::move(channels)) {}

  /// Keeps those of whom something will be written from being erased meanwhile: what is written then would stay. Rows
  /// are inserted, or a subject's own are replaced: there is nothing else to lock.
  void lock(sql::Tx& tx, const std::vector<events::Event>& events) override;
  /// "No": validation_failed when the data is not what the type says; missing_dependency while a seller is not known.
  Result<void> apply(sql::Tx& tx, const events::Event& event) override;

 private:
  Result<void> on_user(sql::Tx& tx, const events::Event& event);
  Result<void> on_seller(sql::Tx& tx, const events::Event& event);
  Result<void> on_group_placed(sql::Tx& tx, const events::Event& event);
  Result<void> on_group_paid(sql::Tx& tx, const events::Event& event);
  Result<void> on_group_canceled(sql::Tx& tx, const events::Event& event);
  Result<void> on_capture_refused(sql::Tx& tx, const events::Event& event);
  Result<void> on_order_paid(sql::Tx& tx, const events::Event& event);
  Result<void> on_order_canceled(sql::Tx& tx, const events::Event& event);
  Result<void> on_lines_canceled(sql::Tx& tx, const events::Event& event);
  Result<void> on_order_refunded(sql::Tx& tx, const events::Event& event);
  Result<void> on_fulfillment(sql::Tx& tx, const events::Event& event);

  /// The members of a seller that were told of the order.
  void tell_seller(sql::Tx& tx, const Message& message, const SellerId& seller_id);

  const Clock& clock_;
  service::ErasedUsers& erased_;
  std::vector<Channel> channels_;
};

}  // namespace agora::notification
