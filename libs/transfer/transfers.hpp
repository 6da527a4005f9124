#pragma once
#include <curl/curl.h>
#include <memory>

#include "libs/base/ctx.hpp"
#include "libs/base/task.hpp"

namespace agora::transfer {

/// Runs libcurl transfers, many at once, on one thread of its own (curl_multi_poll), and resumes who waits for each on
/// its executor. For whatever we call by HTTP or SMTP. Thread-safe.
class Transfers {
 public:
  Transfers();
  /// Ends what is under way as stop() does.
  ~Transfers();
  Transfers(const Transfers&) = delete;
  Transfers& operator=(const Transfers&) = delete;

  /// Performs a prepared handle and gives its result. The handle and all its options point to must live until then.
  /// Ends with CURLE_OPERATION_TIMEDOUT at the deadline of `ctx`, with CURLE_ABORTED_BY_CALLBACK when stopped.
  Task<CURLcode> perform(Ctx ctx, CURL* easy);

  /// Ends every transfer; later ones end at once.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace agora::transfer
