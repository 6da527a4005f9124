#pragma once
#include "libs/base/secret.hpp"
#include "libs/events/source.hpp"
#include "libs/transfer/transfers.hpp"

namespace agora::events {

/// Another service's feed over HTTP. Used on one io thread.
class FeedSource final : public Source {
 public:
  /// `url`: of the publisher's internal port, `feed:http://127.0.0.1:9100`. `consumer`: this service. Throws
  /// std::invalid_argument on another URL. `transfers` must outlive it.
  FeedSource(transfer::Transfers& transfers, const std::string& url, std::string consumer, Secret<std::string> token);
  ~FeedSource() override;

  Task<Result<Fetched>> fetch(Ctx ctx, Fetch request) override;

 private:
  struct Handle;

  transfer::Transfers& transfers_;
  std::string base_;
  std::string consumer_;
  Secret<std::string> token_;
  std::unique_ptr<Handle> handle_;  ///< kept, and with it the connection
};

}  // namespace agora::events
