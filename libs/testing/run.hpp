#pragma once
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include "libs/base/task.hpp"

namespace agora::testing {

/// Runs a coroutine to its end on an io_context of its own; what it gives, or throws.
template <class T>
T run(Task<T> task) {
  asio::io_context io;
  auto done = asio::co_spawn(io, std::move(task), asio::use_future);
  io.run();
  return done.get();
}

}  // namespace agora::testing
