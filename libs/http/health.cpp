#include "libs/http/health.hpp"

namespace agora::http {
namespace {

constexpr std::string_view kText = "text/plain; charset=utf-8";
constexpr std::string_view kMetrics = "text/plain; version=0.0.4; charset=utf-8";

Task<Result<Response>> get_livez(Ctx, Request) {
  co_return Response{.body = "ok\n", .content_type = kText};
}

Task<Result<Response>> get_readyz(const Readiness& readiness, Request request) {
  AGORA_CO_TRY(const auto query, request.query());
  bool verbose = false;
  for (const auto& [name, value] : query) verbose |= name == "verbose";
  const bool ready = readiness.ready();
  Response response{.status = ready ? 200 : 503, .content_type = kText};
  response.body = verbose ? readiness.report() : (ready ? "ok\n" : "not ready\n");
  co_return response;
}

Task<Result<Response>> get_metrics(const telemetry::Registry& metrics) {
  co_return Response{.body = metrics.expose(), .content_type = kMetrics};
}

Route row(std::string path, std::string operation_id, Handler handler) {
  return {Method::get,        std::move(path), std::move(operation_id), Auth::anonymous, Ownership::none,
          std::move(handler), DemoGuests::no,  Admission::reserved,     "text/plain",    Query::ignored};
}

}  // namespace

void Readiness::add_check(std::string name, std::function<std::optional<std::string>()> check) {
  checks_.push_back({std::move(name), std::move(check)});
}

void Readiness::add_note(std::string name, std::function<std::optional<std::string>()> note) {
  notes_.push_back({std::move(name), std::move(note)});
}

bool Readiness::ready() const {
  if (draining_) return false;
  for (const auto& check : checks_) {
    if (check.run()) return false;
  }
  return true;
}

std::string Readiness::report() const {
  std::string report;
  if (draining_) report += "[-] draining\n";
  for (const auto& check : checks_) {
    const auto trouble = check.run();
    report += trouble ? "[-] " + check.name + ": " + *trouble + "\n" : "[+] " + check.name + " ok\n";
  }
  for (const auto& note : notes_) {
    const auto trouble = note.run();
    report += trouble ? "[!] " + note.name + " degraded: " + *trouble + "\n" : "[+] " + note.name + " ok\n";
  }
  return report + (ready() ? "ready\n" : "not ready\n");
}

std::vector<Route> health_routes(const Readiness& readiness, const telemetry::Registry& metrics) {
  return {row("/livez", "getLivez", get_livez),
          row("/readyz", "getReadyz", [&readiness](Ctx, Request request) { return get_readyz(readiness, request); }),
          row("/metrics", "getMetrics", [&metrics](Ctx, Request) { return get_metrics(metrics); })};
}

}  // namespace agora::http
