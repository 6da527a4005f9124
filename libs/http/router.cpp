#include "libs/http/router.hpp"

#include <algorithm>
#include <stdexcept>

#include "libs/http/match.hpp"
#include "libs/http/text.hpp"
#include "libs/json/writer.hpp"

namespace agora::http {
namespace {

/// Segments of a path, reusing the vector's memory.
void split(std::string_view path, std::vector<std::string_view>& segments) {
  segments.clear();
  path.remove_prefix(1);
  while (true) {
    const auto end = path.find('/');
    segments.push_back(path.substr(0, end));
    if (end == std::string_view::npos) return;
    path.remove_prefix(end + 1);
  }
}

bool is_parameter(std::string_view segment) {
  return segment.starts_with('{');
}

/// Whether a segment as it was sent may stand for a parameter: `%2f` and `%2e%2e` are no way to another path.
bool may_be_value(std::string_view segment) {
  if (segment.empty() || segment == "." || segment == "..") return false;
  if (segment.find('%') == std::string_view::npos) return true;
  const auto value = percent_decode(segment, Plus::literal);
  return !value || (*value != "." && *value != ".." && value->find('/') == std::string::npos);
}

bool fits(const std::vector<std::string>& pattern, const std::vector<std::string_view>& segments) {
  if (pattern.size() != segments.size()) return false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (is_parameter(pattern[i]) ? !may_be_value(segments[i]) : pattern[i] != segments[i]) return false;
  }
  return true;
}

/// False when one is not percent-encoded UTF-8.
bool set_parameters(const std::vector<std::string>& pattern, const std::vector<std::string_view>& segments,
                    RequestData& request) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (!is_parameter(pattern[i])) continue;
    auto value = percent_decode(segments[i], Plus::literal);
    if (!value) return false;
    const auto name = std::string_view(pattern[i]).substr(1, pattern[i].size() - 2);
    request.path_parameters.emplace_back(name, *std::move(value));
  }
  return true;
}

/// Whether a path's patterns are tried before another's: a segment that is written out goes before a parameter.
bool goes_before(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::lexicographical_compare(
      a.begin(), a.end(), b.begin(), b.end(),
      [](std::string_view x, std::string_view y) { return !is_parameter(x) && is_parameter(y); });
}

}  // namespace

std::string_view to_string(Method method) {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::head:
      return "HEAD";
    case Method::post:
      return "POST";
    case Method::put:
      return "PUT";
    case Method::patch:
      return "PATCH";
    case Method::delete_:
      return "DELETE";
    case Method::options:
      return "OPTIONS";
  }
  return "GET";
}

std::string_view to_string(Auth auth) {
  switch (auth) {
    case Auth::anonymous:
      return "anonymous";
    case Auth::guest:
      return "guest";
    case Auth::user:
      return "user";
    case Auth::member:
      return "member";
    case Auth::support:
      return "support";
    case Auth::admin:
      return "admin";
    case Auth::service:
      return "service";
  }
  return "admin";
}

std::string_view to_string(Ownership ownership) {
  switch (ownership) {
    case Ownership::none:
      return "none";
    case Ownership::buyer:
      return "buyer";
    case Ownership::seller:
      return "seller";
  }
  return "none";
}

std::string describe(const Router& router) {
  std::string out;
  for (const auto& route : router.routes()) {
    json::Writer(out)
        .begin_object()
        .member("method", to_string(route.method))
        .member("path", route.path)
        .member("operation_id", route.operation_id)
        .member("auth", to_string(route.auth))
        .member("ownership", to_string(route.ownership))
        .member("demo_guests", route.demo_guests == DemoGuests::yes)
        .end_object();
    out += '\n';
  }
  return out;
}

Router::Router() : impl_(std::make_unique<Impl>()) {}
Router::~Router() = default;
Router::Router(Router&&) noexcept = default;

void Router::mount(std::string_view prefix, const std::vector<Route>& routes) {
  for (auto route : routes) {
    route.path = std::string(prefix) + route.path;
    const auto same = [&](const Route& other) { return other.method == route.method && other.path == route.path; };
    if (std::any_of(impl_->routes.begin(), impl_->routes.end(), same)) {
      throw std::logic_error("route mounted twice: " + route.path);
    }
    std::vector<std::string_view> segments;
    split(route.path, segments);
    std::vector<std::string> pattern(segments.begin(), segments.end());
    const auto at = std::upper_bound(impl_->patterns.begin(), impl_->patterns.end(), pattern, goes_before);
    impl_->routes.insert(impl_->routes.begin() + (at - impl_->patterns.begin()), std::move(route));
    impl_->patterns.insert(at, std::move(pattern));
  }
}

const std::vector<Route>& Router::routes() const {
  return impl_->routes;
}

Match match(const Router& router, RequestData& request) {
  const auto& impl = router.impl();
  Match match;
  if (!request.path.starts_with('/')) return match;
  static thread_local std::vector<std::string_view> segments;
  split(request.path, segments);
  const auto method = request.method == Method::head ? Method::get : request.method;
  for (std::size_t r = 0; r < impl.routes.size(); ++r) {
    if (impl.routes[r].method != method || !fits(impl.patterns[r], segments)) continue;
    match.row = r;
    match.malformed = !set_parameters(impl.patterns[r], segments, request);
    return match;
  }
  for (std::size_t r = 0; r < impl.routes.size(); ++r) {
    const auto other = impl.routes[r].method;
    const bool known = std::find(match.allowed.begin(), match.allowed.end(), other) != match.allowed.end();
    if (!known && fits(impl.patterns[r], segments)) match.allowed.push_back(other);
  }
  // A path that nobody has may still be malformed: that is said first.
  match.malformed = match.allowed.empty() && !percent_decode(request.path, Plus::literal);
  return match;
}

}  // namespace agora::http
