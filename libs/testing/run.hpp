#pragma once
#include <future>
#include <optional>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include "libs/base/task.hpp"

namespace agora::testing {

/// A task whose value Asio can hold before there is one.
template <class T>
Task<std::optional<T>> boxed(Task<T> task) {
  co_return co_await std::move(task);
}

/// Starts a coroutine on somebody's io_context; what it gives, or throws, comes by the future.
template <class T>
std::future<std::optional<T>> start(asio::io_context& io, Task<T> task) {
  return asio::co_spawn(io, boxed(std::move(task)), asio::use_future);
}

/// Runs a coroutine to its end on an io_context of its own; what it gives, or throws.
template <class T>
T run(Task<T> task) {
  asio::io_context io;
  if constexpr (std::is_void_v<T>) {
    auto done = asio::co_spawn(io, std::move(task), asio::use_future);
    io.run();
    return done.get();
  } else {
    auto done = start(io, std::move(task));
    io.run();
    return *done.get();
  }
}

}  // namespace agora::testing
