#pragma once
#include <chrono>
#include <vector>

#include "libs/grpc/client.hpp"
#include "services/order/core/current_offers.hpp"

namespace agora::order {

/// Catalog, asked when a buyer saw another price than we know. Used on the io thread.
class Catalog {
 public:
  /// `patience`: how long a buyer waits for the answer. `metrics` must outlive it.
  Catalog(rpc::ClientOptions options, std::chrono::milliseconds patience, telemetry::Registry& metrics);

  /// The offers as they are now: these, and all active ones of the products. "No": unavailable or deadline_exceeded
  /// when catalog gave no answer, or one that cannot be: then what we know decides.
  Task<Result<CurrentOffers>> offers(Ctx ctx, std::vector<OfferId> offer_ids, std::vector<ProductId> product_ids);

  /// Ends what is under way. Before the io thread ends.
  void stop() { client_.stop(); }

 private:
  rpc::Client client_;
  std::chrono::milliseconds patience_;
};

}  // namespace agora::order
