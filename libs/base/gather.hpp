#pragma once
#include <exception>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "libs/base/task.hpp"

namespace agora {

/// Runs tasks at the same time, on the executor of who waits, and gives their results in order. Returns when all have
/// ended; the first exception is rethrown then. T is default constructible.
template <class T>
Task<std::vector<T>> gather(std::vector<Task<T>> tasks) {
  if (tasks.empty()) co_return std::vector<T>{};
  const auto executor = co_await asio::this_coro::executor;
  using Operation = decltype(asio::co_spawn(executor, std::declval<Task<T>>(), asio::deferred));
  std::vector<Operation> operations;
  for (auto& task : tasks) operations.push_back(asio::co_spawn(executor, std::move(task), asio::deferred));
  auto group = asio::experimental::make_parallel_group(std::move(operations));
  auto ended = group.async_wait(asio::experimental::wait_for_all(), asio::use_awaitable);
  auto [order, errors, results] = co_await std::move(ended);
  for (const auto& error : errors) {
    if (error) std::rethrow_exception(error);
  }
  co_return std::move(results);
}

}  // namespace agora
