#pragma once
#include <cstddef>
#include <type_traits>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "libs/base/task.hpp"

namespace agora {

/// Threads for what blocks (files, libraries that wait), so that the io thread never does. Thread-safe. What was handed
/// to it is finished before it goes.
class BlockingPool {
 public:
  explicit BlockingPool(std::size_t threads) : pool_(threads) {}
  ~BlockingPool() { pool_.join(); }
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  /// Runs `work()` on a thread of the pool; who waits goes on where it was. What it throws is rethrown there.
  template <class Work>
  Task<std::invoke_result_t<Work&>> run(Work work) {
    auto operation = asio::co_spawn(pool_, call(std::move(work)), asio::use_awaitable);
    co_return co_await std::move(operation);
  }

 private:
  template <class Work>
  static Task<std::invoke_result_t<Work&>> call(Work work) {
    co_return work();
  }

  asio::thread_pool pool_;
};

}  // namespace agora
