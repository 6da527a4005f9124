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

/// How a task ended: by an exception, or with its value.
template <class T>
struct Settled {
  std::exception_ptr failure{};
  T value{};
};

/// Runs tasks at the same time, on the executor of who waits, and tells in order how each ended, when all have. T is
/// default constructible.
template <class T>
Task<std::vector<Settled<T>>> gather_settled(std::vector<Task<T>> tasks) {
  if (tasks.empty()) co_return std::vector<Settled<T>>{};
  const auto executor = co_await asio::this_coro::executor;
  using Operation = decltype(asio::co_spawn(executor, std::declval<Task<T>>(), asio::deferred));
  std::vector<Operation> operations;
  for (auto& task : tasks) operations.push_back(asio::co_spawn(executor, std::move(task), asio::deferred));
  auto group = asio::experimental::make_parallel_group(std::move(operations));
  auto ended = group.async_wait(asio::experimental::wait_for_all(), asio::use_awaitable);
  auto [order, errors, results] = co_await std::move(ended);
  std::vector<Settled<T>> settled;
  for (std::size_t i = 0; i < results.size(); ++i) settled.push_back({errors[i], std::move(results[i])});
  co_return settled;
}

/// The same for who needs all of them: their values; the first exception is rethrown when all have ended.
template <class T>
Task<std::vector<T>> gather(std::vector<Task<T>> tasks) {
  auto settled = co_await gather_settled(std::move(tasks));
  std::vector<T> values;
  for (auto& one : settled) {
    if (one.failure) std::rethrow_exception(one.failure);
    values.push_back(std::move(one.value));
  }
  co_return values;
}

}  // namespace agora
