#include "libs/transfer/transfers.hpp"

#include <mutex>
#include <stdexcept>
#include <thread>
#include <unordered_map>
#include <vector>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace agora::transfer {
namespace {

constexpr int kPollMilliseconds = 1'000;

/// Who waits for a transfer.
class Waiter {
 public:
  virtual ~Waiter() = default;
  virtual void resume(CURLcode code) = 0;
};

template <class Handler>
class HandlerWaiter final : public Waiter {
 public:
  explicit HandlerWaiter(Handler handler)
      : executor_(asio::get_associated_executor(handler)),
        // The io_context has work to wait for, though none of its own.
        work_(asio::prefer(executor_, asio::execution::outstanding_work.tracked)),
        handler_(std::move(handler)) {}
  void resume(CURLcode code) override {
    auto call = [handler = std::move(handler_), code]() mutable { std::move(handler)(code); };
    asio::post(executor_, std::move(call));
  }

 private:
  asio::any_io_executor executor_;
  asio::any_io_executor work_;
  Handler handler_;
};

}  // namespace

struct Transfers::Impl {
  Impl() {
    // Once per process, before any thread uses the library.
    static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
    multi = curl_multi_init();
    if (global != CURLE_OK || multi == nullptr) throw std::runtime_error("libcurl could not be initialised");
    thread = std::thread([this] { loop(); });
  }

  ~Impl() {
    stop();
    thread.join();
    curl_multi_cleanup(multi);
  }

  void stop() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    curl_multi_wakeup(multi);
  }

  void add(CURL* easy, std::unique_ptr<Waiter> waiter) {
    {
      const std::lock_guard lock(mutex);
      if (!stopped) {
        added.emplace_back(easy, std::move(waiter));
      }
    }
    if (waiter) return waiter->resume(CURLE_ABORTED_BY_CALLBACK);
    curl_multi_wakeup(multi);
  }

  void loop() {
    while (take_added()) {
      int running = 0;
      curl_multi_perform(multi, &running);
      finish_done();
      curl_multi_poll(multi, nullptr, 0, kPollMilliseconds, nullptr);
    }
    for (auto& [easy, waiter] : under_way) {
      curl_multi_remove_handle(multi, easy);
      waiter->resume(CURLE_ABORTED_BY_CALLBACK);
    }
    under_way.clear();
  }

  /// False when it is time to end.
  bool take_added() {
    std::vector<std::pair<CURL*, std::unique_ptr<Waiter>>> taken;
    bool go_on = true;
    {
      const std::lock_guard lock(mutex);
      taken.swap(added);
      go_on = !stopping;
      stopped = stopping;
    }
    for (auto& [easy, waiter] : taken) {
      curl_multi_add_handle(multi, easy);
      under_way.emplace(easy, std::move(waiter));
    }
    return go_on;
  }

  void finish_done() {
    int left = 0;
    while (const auto* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      auto* easy = message->easy_handle;
      const auto code = message->data.result;
      curl_multi_remove_handle(multi, easy);
      const auto found = under_way.find(easy);
      found->second->resume(code);
      under_way.erase(found);
    }
  }

  CURLM* multi = nullptr;
  std::mutex mutex{};
  std::vector<std::pair<CURL*, std::unique_ptr<Waiter>>> added{};  ///< guarded by mutex, as the following two
  bool stopping = false;
  bool stopped = false;
  std::unordered_map<CURL*, std::unique_ptr<Waiter>> under_way{};  ///< of the thread
  std::thread thread{};
};

Transfers::Transfers() : impl_(std::make_unique<Impl>()) {}
Transfers::~Transfers() = default;

void Transfers::stop() {
  impl_->stop();
}

Task<CURLcode> Transfers::perform(Ctx ctx, CURL* easy) {
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  if (ctx.deadline != Deadline::max()) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(ctx.deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0) co_return CURLE_OPERATION_TIMEDOUT;
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(left));
  }
  auto initiate = [this, easy](auto handler) {
    using Handler = decltype(handler);
    impl_->add(easy, std::make_unique<HandlerWaiter<Handler>>(std::move(handler)));
  };
  co_return co_await asio::async_initiate<decltype(asio::use_awaitable), void(CURLcode)>(initiate, asio::use_awaitable);
}

}  // namespace agora::transfer
