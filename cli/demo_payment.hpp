#pragma once
#include <filesystem>
#include <memory>
#include <string>

namespace agora::cli {

/// Stands in for the payment service while there is none: it has a log that order reads, and asks order what payment
/// asks before it speaks to a gateway. There is no gateway behind it; the money is always there. Runs on a thread of
/// its own.
class PaymentStandIn {
 public:
  struct Settings {
    std::filesystem::path data;  ///< where its log is, and the token that services share
    std::uint16_t port = 0;      ///< of its feed
    std::string order_grpc{};    ///< `HOST:PORT`
  };
  explicit PaymentStandIn(Settings settings);
  ~PaymentStandIn();

  struct Payment {
    std::string payment_id{};
    std::string order_group_id{};
    std::int64_t amount = 0;  ///< minor units
    std::string currency{};
  };
  /// Asks what is due, and tells that it was captured. Throws std::runtime_error with what order said to that.
  Payment capture(const std::string& order_group_id, const std::string& user_id);

 private:
  struct Running;
  std::unique_ptr<Running> running_;
};

}  // namespace agora::cli
