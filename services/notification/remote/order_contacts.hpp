#pragma once
#include "libs/grpc/client.hpp"
#include "services/notification/core/contact.hpp"

namespace agora::notification {

/// Order, asked who bought something, when a mail about it is written. Used on the io thread.
class OrderContacts {
 public:
  /// `metrics` must outlive it.
  OrderContacts(rpc::ClientOptions options, telemetry::Registry& metrics);

  /// Not to be kept beyond the mail. "No": not_found `not_found`; unavailable or deadline_exceeded when order gave no
  /// answer: ask again later.
  Task<Result<Contact>> of(Ctx ctx, std::string order_group_id);

  /// Ends what is under way. Before the io thread ends.
  void stop() { client_.stop(); }

 private:
  rpc::Client client_;
};

}  // namespace agora::notification
