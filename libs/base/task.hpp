#pragma once
#include <boost/asio/awaitable.hpp>

namespace agora {

namespace asio = boost::asio;

/// A coroutine that runs on the io thread that started it. Parameters by value; references only to things that outlive the server.
/// Never write a capturing lambda inside a `co_await` expression: GCC 12 destroys the closure twice. Name it first.
template <class T = void>
using Task = asio::awaitable<T>;

}  // namespace agora
