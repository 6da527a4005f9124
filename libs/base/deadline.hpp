#pragma once
#include <type_traits>
#include <utility>

#include <boost/asio/experimental/awaitable_operators.hpp>
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
  using namespace asio::experimental::awaitable_operators;
  if (ctx.deadline == Deadline::max()) co_return co_await std::move(op);
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, ctx.deadline);
  Task<void> limit = timer.async_wait(asio::use_awaitable);
  auto outcome = co_await (std::move(op) || std::move(limit));
  if (outcome.index() == 1) throw DeadlineExceeded();
  if constexpr (!std::is_void_v<T>) co_return std::get<0>(std::move(outcome));
}

}  // namespace agora
