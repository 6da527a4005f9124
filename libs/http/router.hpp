#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/ctx.hpp"
#include "libs/http/request.hpp"
#include "libs/http/response.hpp"

namespace agora::http {

/// Who may call: checked before the handler runs. guest: anyone with a token.
/// service: another service of ours, by the service token; for internal ports.
enum class Auth { anonymous, guest, user, member, support, admin, service };
/// Whether demo mode lets a request without a token in; the handler then takes the principal from what is asked for.
enum class DemoGuests { no, yes };
/// Whose thing the route touches; the handler or store enforces it (another's answers as a missing one: 404), tests
/// walk it.
enum class Ownership { none, buyer, seller };
/// Requests of `reserved` rows may use the share of requests_in_flight_max kept for what must not be shed (checkout,
/// payment). Those of `stream` rows answer with an EventStream, of which there are streams_max; it holds no request's
/// share.
enum class Admission { normal, reserved, stream };

/// What becomes of a query string: an operation takes only parameters it knows (422 `unknown_field`). `refused`: it
/// knows none; `read`: its handler finishes QueryParameters; `ignored`: pages and probes, to which anybody adds things.
enum class Query { refused, read, ignored };

using Handler = std::function<Task<Result<Response>>(Ctx, Request)>;

/// A function of what it works with, as a handler. `self` must outlive the router.
template <class Self>
Handler bound(const Self& self, Task<Result<Response>> (*handler)(const Self&, Ctx, Request)) {
  return [&self, handler](Ctx ctx, Request request) { return handler(self, std::move(ctx), std::move(request)); };
}

/// A row: everything there is to know about a route before its handler.
struct Route {
  Method method;
  std::string path;          ///< `/orders/{order_id}`; one segment per parameter
  std::string operation_id;  ///< unique, as in the OpenAPI document
  Auth auth;
  Ownership ownership;
  Handler handler;
  DemoGuests demo_guests = DemoGuests::no;
  Admission admission = Admission::normal;
  std::string_view produces = "application/json";  ///< literal; 406 when Accept excludes it
  Query query = Query::refused;
};

/// Finds the row of a method and path. Built before the server starts, immutable afterwards.
class Router {
 public:
  Router();
  ~Router();
  Router(Router&&) noexcept;
  /// Adds rows under a prefix ("" or "/api/v1"). Throws std::logic_error on a duplicate method and path.
  /// In whatever order they come, a path that is written out goes before one with a parameter in that place.
  void mount(std::string_view prefix, const std::vector<Route>& routes);
  /// All mounted rows with their full paths (for the test that compares them with the contract).
  const std::vector<Route>& routes() const;

  struct Match;
  struct Impl;
  const Impl& impl() const { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

/// The rows as JSON lines {method, path, operation_id, auth, ownership, demo_guests}: what a test compares with the
/// contract.
std::string describe(const Router& router);

}  // namespace agora::http
