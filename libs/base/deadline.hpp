#pragma once
#include <exception>
#include <type_traits>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "libs/base/ctx.hpp"
#include "libs/base/task.hpp"
#include "libs/base/unavailable.hpp"

namespace agora {

/// "We cannot answer": the time allowed is over. Borders answer 503 with Retry-After (gRPC: DEADLINE_EXCEEDED).
class DeadlineExceeded : public Unavailable {
 public:
  DeadlineExceeded() : Unavailable("deadline exceeded") {}
};

/// Runs `op` until it ends or the deadline of `ctx` passes, whichever is first; then `op` is cancelled (Asio's terminal
/// cancellation) and DeadlineExceeded is thrown. `op` must support cancellation: sockets and timers do, blocking pools
/// do not (they take deadlines themselves).
template <class T>
Task<T> with_deadline(Ctx ctx, Task<T> op) {
  if (ctx.deadline == Deadline::max()) co_return co_await std::move(op);
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, ctx.deadline);
  auto both = asio::experimental::make_parallel_group(asio::co_spawn(executor, std::move(op), asio::deferred),
                                                      timer.async_wait(asio::deferred));
  // Not awaitable_operators' `||`: that waits for one *success*, so an `op` that throws would wait for the deadline.
  auto outcome = co_await both.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  if (std::get<0>(outcome)[0] == 1) throw DeadlineExceeded();
  if (const auto& failure = std::get<1>(outcome)) std::rethrow_exception(failure);
  if constexpr (!std::is_void_v<T>) co_return std::get<2>(std::move(outcome));
}

}  // namespace agora
