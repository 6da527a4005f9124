#pragma once
#include <boost/asio/awaitable.hpp>

namespace agora {

namespace asio = boost::asio;

/// A coroutine that runs on the io thread that started it. Parameters by value; references only to things that outlive
/// the server. Never write a capturing lambda or a braced temporary inside a `co_await` expression (`co_await f({id,
/// now})`): GCC 12 destroys them twice. Name them first.
template <class T = void>
using Task = asio::awaitable<T>;

}  // namespace agora
