#include "services/notification/remote/order_contacts.hpp"

#include "contracts/grpc/order.pb.h"

namespace agora::notification {
namespace {

namespace messages = order::v1;

constexpr rpc::Method<messages::GetContactRequest, messages::GetContactResponse> kGetContact{
    "agora.order.v1.OrderService/GetContact", rpc::Retry::safe};

/// As it is written on a parcel.
std::vector<std::string> lines_of(const messages::Address& address) {
  std::vector<std::string> lines;
  const auto add = [&lines](std::string line) {
    if (!line.empty()) lines.push_back(std::move(line));
  };
  add(address.name());
  add(address.line1());
  add(address.line2());
  add(address.postal_code().empty() ? address.city() : address.postal_code() + " " + address.city());
  add(address.region());
  add(address.country());
  return lines;
}

}  // namespace

OrderContacts::OrderContacts(rpc::ClientOptions options, telemetry::Registry& metrics)
    : client_(std::move(options), metrics) {}

Task<Result<Contact>> OrderContacts::of(Ctx ctx, std::string order_group_id) {
  messages::GetContactRequest request;
  request.set_order_group_id(std::move(order_group_id));
  AGORA_CO_TRY(const auto answer, co_await client_.call(std::move(ctx), kGetContact, std::move(request)));
  Contact contact{.user_id = answer.user_id(), .email = answer.email()};
  if (answer.has_shipping_address()) contact.address = lines_of(answer.shipping_address());
  co_return contact;
}

}  // namespace agora::notification
