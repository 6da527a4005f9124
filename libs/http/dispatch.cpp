#include "libs/http/dispatch.hpp"

#include <algorithm>

#include "libs/base/unavailable.hpp"
#include "libs/http/error_table.hpp"
#include "libs/http/event_stream.hpp"
#include "libs/http/pages.hpp"
#include "libs/http/text.hpp"
#include "libs/log/log.hpp"
#include "libs/telemetry/trace.hpp"

namespace agora::http {
namespace {

std::string allow_header(std::vector<Method> methods) {
  std::string allow;
  for (const auto method : methods) {
    if (!allow.empty()) allow += ", ";
    allow += to_string(method);
    if (method == Method::get) allow += ", HEAD";
  }
  return allow;
}

/// A path that nobody has, or that other methods have.
Response answer_without_row(const Match& found, Method method, const Ctx& ctx) {
  const auto trace_id = ctx.trace.trace_id_hex();
  if (found.allowed.empty()) {
    return problem(Error{Errc::not_found, "not_found", "There is nothing at this path."}, trace_id);
  }
  if (method == Method::options) return Response{.status = 204, .headers = {{"Allow", allow_header(found.allowed)}}};
  auto response = problem(
      Error{Errc::invalid_argument, "method_not_allowed", "The path exists for other methods; see Allow."}, trace_id);
  response.headers.emplace_back("Allow", allow_header(found.allowed));
  return response;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Whether the parameters of a media range give it the weight 0: not acceptable (RFC 9110 §12.4.2).
bool weighs_nothing(std::string_view parameters) {
  while (!parameters.empty()) {
    const auto end = parameters.find(';');
    const auto parameter = trim(parameters.substr(0, end));
    parameters = end == std::string_view::npos ? std::string_view{} : parameters.substr(end + 1);
    if (!equals_ignoring_case(parameter.substr(0, 2), "q=")) continue;
    const auto weight = parameter.substr(2);
    return weight.starts_with('0') && weight.find_first_of("123456789") == std::string_view::npos;
  }
  return false;
}

/// Whether an Accept header lets us answer with a type (RFC 9110 §12.5.1); errors are said in problem+json whatever it
/// is.
bool accepts(std::string_view accept, std::string_view type) {
  const auto essence = type.substr(0, type.find(';'));
  const auto group = essence.substr(0, essence.find('/'));
  while (!accept.empty()) {
    const auto end = accept.find(',');
    auto range = accept.substr(0, end);
    accept = end == std::string_view::npos ? std::string_view{} : accept.substr(end + 1);
    const auto parameters = range.find(';');
    const bool excluded = parameters != std::string_view::npos && weighs_nothing(range.substr(parameters));
    range = trim(range.substr(0, parameters));
    const bool matches = range == "*/*" || equals_ignoring_case(range, essence) ||
                         (range.ends_with("/*") && equals_ignoring_case(range.substr(0, range.size() - 2), group));
    if (matches && !excluded) return true;
  }
  return false;
}

/// "No" when there is any parameter, naming each.
Result<void> refuse_parameters(Request request) {
  AGORA_TRY(auto parameters, request.query());
  return QueryParameters(std::move(parameters)).finish();
}

/// The token of `Authorization: Bearer …`; none without the header.
Result<std::optional<std::string_view>> bearer_token(Request request) {
  const auto count = request.header_count("authorization");
  if (count == 0) return std::optional<std::string_view>{};
  const auto value = *request.header("authorization");
  static constexpr std::string_view kScheme = "bearer ";
  const bool is_bearer = equals_ignoring_case(value.substr(0, kScheme.size()), kScheme);
  if (count > 1 || !is_bearer || value.size() == kScheme.size()) {
    return Error{Errc::unauthenticated, "invalid_token", "The bearer token is not valid."};
  }
  return std::optional<std::string_view>(value.substr(kScheme.size()));
}

bool has_level(Auth auth, const Principal& principal) {
  switch (auth) {
    case Auth::anonymous:
    case Auth::guest:
      return true;
    // Whose member somebody is, the handler knows.
    case Auth::member:
    case Auth::user:
      return principal.has(Role::user) || principal.has(Role::support) || principal.has(Role::admin);
    case Auth::support:
      return principal.has(Role::support) || principal.has(Role::admin);
    case Auth::admin:
      return principal.has(Role::admin);
    case Auth::service:
      return principal.has(Role::service);
  }
  return false;
}

/// The answer to what a handler threw: 503 where a retry helps, else 500. Logged once, here.
Response answer_failure(const Ctx& ctx, const Route& route, std::exception_ptr failure) {
  std::string reason = "not a standard exception";
  bool retry = false;
  try {
    std::rethrow_exception(std::move(failure));
  } catch (const Unavailable& unavailable) {
    reason = unavailable.what();
    retry = unavailable.retry_helps();
  } catch (const std::exception& error) {
    reason = error.what();
  } catch (...) {
    // Said above.
  }
  log::write(retry ? log::Level::warn : log::Level::error, ctx, "a request failed",
             {{"operation", route.operation_id}, {"reason", reason}});
  const Error error =
      retry ? Error{Errc::unavailable, "temporarily_unavailable", "Try again with the same Idempotency-Key."}
            : Error{Errc::unavailable, "internal_error", "Something went wrong on our side."};
  return problem(error, ctx.trace.trace_id_hex());
}

}  // namespace

Dispatcher::Dispatcher(std::string server, Router router, const Limits& limits, const Authenticator& authenticator,
                       telemetry::Registry& metrics, Traces traces)
    : server_(std::move(server)),
      router_(std::move(router)),
      limits_(limits),
      authenticator_(authenticator),
      metrics_(metrics),
      tracer_(metrics.tracer()),
      traces_(traces),
      active_(metrics.gauge("http_server_active_requests", "Requests being answered.", {{"server", server_}})),
      shed_(metrics.counter("agora_http_shed_requests_total", "Requests refused because too many were under way.",
                            {{"server", server_}})),
      known_(router_.routes().size() + 1) {
  const auto& rows = router_.routes();
  const auto streams = [](const Route& route) { return route.admission == Admission::stream; };
  if (std::any_of(rows.begin(), rows.end(), streams)) streams_.emplace(server_, limits_, metrics_);
}

Task<Response> Dispatcher::answer(RequestData& request) {
  const auto started = std::chrono::steady_clock::now();
  Ctx ctx;
  ctx.deadline = started + limits_.request_deadline;
  telemetry::TraceSpan span;
  ctx.trace = enter_trace(request, span);

  const auto found = match(router_, request);
  auto refused = refuse_unrouted(found, request, ctx);
  Response response;
  if (refused) {
    response = *std::move(refused);
  } else {
    ++in_flight_;
    active_.add(1);
    response = co_await handle(router_.routes()[*found.row], request, std::move(ctx));
    active_.add(-1);
    --in_flight_;
  }
  const auto row = found.malformed ? std::nullopt : found.row;
  observe(row, request.method, response.status,
          std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
  if (span.context.valid()) tell(std::move(span), row, request.method, response.status);
  co_return response;
}

/// `span`: filled where the request's trace is told of.
TraceContext Dispatcher::enter_trace(const RequestData& request, telemetry::TraceSpan& span) const {
  const auto traceparent = Request(request).header("traceparent");
  const auto parent = traceparent ? telemetry::parse_traceparent(*traceparent) : std::nullopt;
  if (!parent && traces_ == Traces::follow) return telemetry::new_unsampled_trace();
  const auto trace = tracer_.enter(parent);
  if (!tracer_.records(trace)) return trace;
  span = tracer_.begin({}, telemetry::TraceSpan::Kind::server);
  span.context = trace;
  if (parent) span.parent = parent->span_id;
  return trace;
}

void Dispatcher::tell(telemetry::TraceSpan span, std::optional<std::size_t> row, Method method, int status) const {
  span.name = to_string(method);
  span.attributes = {{"http.request.method", span.name},
                     {"http.response.status_code", std::int64_t{status}},
                     {"agora.server", server_}};
  if (row) {
    const auto& path = router_.routes()[*row].path;
    span.name += ' ' + path;
    span.attributes.emplace_back("http.route", path);
  }
  span.failed = status >= 500;
  tracer_.tell(std::move(span));
}

Response Dispatcher::refuse(std::string_view code, std::string_view detail) {
  auto response = problem(Error{Errc::invalid_argument, std::string(code), std::string(detail)},
                          telemetry::new_trace().trace_id_hex());
  observe(std::nullopt, Method::get, response.status, 0);
  return response;
}

std::optional<Response> Dispatcher::refuse_unrouted(const Match& found, const RequestData& request, const Ctx& ctx) {
  if (found.malformed) {
    return problem(Error{Errc::invalid_argument, "bad_request", "The path is not percent-encoded UTF-8."},
                   ctx.trace.trace_id_hex());
  }
  if (!found.row) return answer_without_row(found, request.method, ctx);
  if (admit(router_.routes()[*found.row])) return std::nullopt;
  shed_.add();
  return problem(Error{Errc::unavailable, "overloaded", "Too many requests are under way; nothing was done."},
                 ctx.trace.trace_id_hex());
}

bool Dispatcher::admit(const Route& route) const {
  const auto reserved = limits_.requests_in_flight_max * limits_.reserved_percent / 100;
  const auto max = limits_.requests_in_flight_max - (route.admission == Admission::reserved ? 0 : reserved);
  return in_flight_ < max;
}

Task<Response> Dispatcher::handle(const Route& route, RequestData& request, Ctx ctx) {
  const Request view(request);
  const auto accept = view.header("accept");
  if (accept && !accepts(*accept, route.produces)) {
    co_return problem(
        Error{Errc::invalid_argument, "not_acceptable", "This is answered as " + std::string(route.produces) + "."},
        ctx.trace.trace_id_hex());
  }
  std::exception_ptr failure;
  try {
    if (route.auth != Auth::anonymous) {
      auto principal = authenticate(route, request);
      if (!principal) co_return problem(principal.error(), ctx.trace.trace_id_hex());
      ctx.principal = *std::move(principal);
    }
    if (route.query == Query::refused && !request.query.empty()) {
      const auto none = refuse_parameters(view);
      if (!none) co_return problem(none.error(), ctx.trace.trace_id_hex());
    }
    auto result = co_await call(route, view, ctx);
    if (result) co_return *std::move(result);
    co_return problem(result.error(), ctx.trace.trace_id_hex());
  } catch (...) {
    failure = std::current_exception();
  }
  co_return answer_failure(ctx, route, std::move(failure));
}

Task<Result<Response>> Dispatcher::call(const Route& route, Request request, Ctx ctx) {
  StreamSlot slot;
  if (route.admission == Admission::stream) {
    auto taken = streams_->take(ctx.principal);
    // Who has as many as one may have is no load of ours.
    if (!taken && taken.error().errc == Errc::unavailable) shed_.add();
    if (!taken) co_return taken.error();
    slot = *std::move(taken);
  }
  auto result = co_await route.handler(std::move(ctx), request);
  if (result && result->stream) result->stream->admit(limits_, std::move(slot));
  co_return result;
}

Result<Principal> Dispatcher::authenticate(const Route& route, const RequestData& request) const {
  AGORA_TRY(const auto token, bearer_token(Request(request)));
  AGORA_TRY(auto principal, authenticator_.authenticate(token));
  const bool demo_guest = principal.kind == Principal::Kind::demo_guest;
  if (principal.kind == Principal::Kind::anonymous || (demo_guest && route.demo_guests == DemoGuests::no)) {
    return Error{Errc::unauthenticated, "missing_token", "This needs a bearer token."};
  }
  if (!demo_guest && !has_level(route.auth, principal)) {
    return Error{Errc::forbidden, "forbidden", "The caller's roles do not allow this."};
  }
  return principal;
}

void Dispatcher::observe(std::optional<std::size_t> row, Method method, int status, double seconds) {
  auto& known = known_[row.value_or(known_.size() - 1)];
  for (const auto& one : known) {
    if (one.method == method && one.status == status) return one.histogram->observe(seconds);
  }
  // Once per row, method and status: the registry takes a lock.
  auto& histogram = metrics_.histogram("http_server_request_duration_seconds", "Duration of HTTP requests.",
                                       telemetry::kDurationBuckets,
                                       {{"server", server_},
                                        {"http_request_method", std::string(to_string(method))},
                                        {"http_route", row ? router_.routes()[*row].path : ""},
                                        {"http_response_status_code", std::to_string(status)}});
  known.push_back({method, status, &histogram});
  histogram.observe(seconds);
}

}  // namespace agora::http
