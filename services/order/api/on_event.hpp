#pragma once
#include "libs/events/inbox.hpp"
#include "libs/service/erased_users.hpp"

namespace agora::order {

/// What order does with what others tell: states of offers, products and sellers, users who are erased, payments, and
/// refunds. The same for a consumer and for --offers.
class EventHandler final : public events::Handler {
 public:
  /// Both must outlive it.
  EventHandler(const Clock& clock, service::ErasedUsers& erased) : clock_(clock), erased_(erased) {}

  void lock(sql::Tx& tx, const std::vector<events::Event>& events) override;
  /// "No": validation_failed when the data is not what the type says; failed_precondition `currency_changed`, and those
  /// of apply_refund().
  Result<void> apply(sql::Tx& tx, const events::Event& event) override;

 private:
  Result<void> on_user(sql::Tx& tx, const events::Event& event);

  const Clock& clock_;
  service::ErasedUsers& erased_;
};

}  // namespace agora::order
