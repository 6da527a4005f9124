#pragma once
#include "libs/base/secret.hpp"
#include "libs/events/source.hpp"
#include "libs/transfer/http.hpp"

namespace agora::events {

/// Another service's feed over HTTP: one stream, named "". Used on one io thread.
class FeedSource final : public Source {
 public:
  /// `url`: of the publisher's internal port, `feed:http://127.0.0.1:9100`. `consumer`: this service. Throws
  /// std::invalid_argument on another URL. `transfers` must outlive it.
  FeedSource(transfer::Transfers& transfers, const std::string& url, std::string consumer, Secret<std::string> token,
             std::vector<std::string> topics);

  Task<Result<Fetched>> fetch(Ctx ctx, std::chrono::milliseconds wait) override;
  void seek(const std::string& stream, const std::optional<Standing>& from) override;
  void acknowledge(const std::string& stream, const Position& through) override;
  std::vector<std::string> topics(const std::string& stream) const override;
  std::unique_ptr<Source> reader(std::vector<std::string> topics) override;
  /// Of all that use these transfers.
  void stop() override { transfers_.stop(); }

 private:
  std::string query(std::chrono::milliseconds wait) const;
  transfer::HttpRequest poll(std::chrono::milliseconds wait) const;
  Result<Fetched> take_page(const std::shared_ptr<const json::Document>& document);

  transfer::Transfers& transfers_;
  std::string url_;
  std::string consumer_;
  Secret<std::string> token_;
  std::vector<std::string> topics_;
  bool observes_ = false;  ///< a reader: acknowledges nothing
  bool is_assigned_ = false;
  std::optional<Position> at_{};  ///< where the next poll goes on; none: born
  std::optional<Position> acknowledged_{};
  std::int64_t birth_through_ = 0;
  std::int64_t limit_ = 0;  ///< events in a page, after one that could not be read; 0: as many as it has
};

}  // namespace agora::events
