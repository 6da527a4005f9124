#include "libs/service/trace_export.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "libs/log/log.hpp"
#include "libs/telemetry/tracer.hpp"

namespace agora::service {
namespace {

using telemetry::MoreWork;

constexpr std::chrono::milliseconds kBackoffFirst{1'000};

std::size_t ignore_answer(char*, std::size_t size, std::size_t count, void*) {
  return size * count;
}

/// What OTLP's specification has clients send again.
bool is_retryable(long status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

}  // namespace

std::optional<double> TraceExportOptions::share() const {
  double value = 0;
  const auto [end, ec] = std::from_chars(sampled.data(), sampled.data() + sampled.size(), value);
  const bool is_number = ec == std::errc{} && end == sampled.data() + sampled.size();
  if (!is_number || !(value >= 0 && value <= 1)) return std::nullopt;
  return value;
}

struct TraceExport::Handle {
  explicit Handle(const std::string& url) : easy(curl_easy_init()) {
    if (easy == nullptr) throw std::runtime_error("libcurl gave no handle");
    headers = curl_slist_append(nullptr, "Content-Type: application/x-protobuf");
    // A batch is sent at once, without asking whether it may be.
    headers = curl_slist_append(headers, "Expect:");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore_answer);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    // The collector is named by its address, as peers are.
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
  }
  ~Handle() {
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  CURL* easy;
  curl_slist* headers = nullptr;
};

TraceExport::TraceExport(TraceExportOptions options, telemetry::Resource resource, telemetry::Tracer& tracer)
    : options_(std::move(options)), resource_(std::move(resource)), tracer_(tracer) {
  auto url = options_.endpoint;
  while (url.ends_with('/')) url.pop_back();
  handle_ = std::make_unique<Handle>(url + "/v1/traces");
}

TraceExport::~TraceExport() = default;

telemetry::Job TraceExport::job() {
  return [this](Ctx ctx) { return round(std::move(ctx)); };
}

Task<MoreWork> TraceExport::round(Ctx ctx) {
  if (std::chrono::steady_clock::now() < not_before_) co_return MoreWork::no;
  if (in_body_ == 0) {
    const auto spans = tracer_.take();
    if (spans.empty()) co_return MoreWork::no;
    body_ = telemetry::to_otlp(spans, resource_);
    in_body_ = spans.size();
  }
  bool is_final = false;
  auto trouble = co_await send(std::move(ctx), is_final);
  const bool taken = trouble.empty();
  say(std::move(trouble));
  if (!taken && !is_final) {
    backoff_ = std::clamp(2 * backoff_, kBackoffFirst, options_.backoff_max);
    not_before_ = std::chrono::steady_clock::now() + backoff_;
    co_return MoreWork::no;
  }
  auto& counters = tracer_.counters();
  (taken ? counters.exported : counters.refused).add(in_body_);
  in_body_ = 0;
  backoff_ = {};
  co_return tracer_.has_batch() ? MoreWork::yes : MoreWork::no;
}

Task<std::string> TraceExport::send(Ctx ctx, bool& is_final) {
  curl_easy_setopt(handle_->easy, CURLOPT_POSTFIELDS, body_.data());
  curl_easy_setopt(handle_->easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body_.size()));
  ctx.deadline = std::min(ctx.deadline, std::chrono::steady_clock::now() + options_.deadline);
  const auto code = co_await transfers_.perform(std::move(ctx), handle_->easy);
  if (code != CURLE_OK) co_return curl_easy_strerror(code);
  long status = 0;
  curl_easy_getinfo(handle_->easy, CURLINFO_RESPONSE_CODE, &status);
  if (status / 100 == 2) co_return "";
  is_final = !is_retryable(status);
  co_return "the collector answered " + std::to_string(status);
}

void TraceExport::say(std::string trouble) {
  if (trouble == trouble_) return;
  if (trouble.empty()) {
    log::info({}, "traces are exported again");
  } else {
    log::warn({}, "traces are not exported", {{"reason", trouble}});
  }
  trouble_ = std::move(trouble);
}

Task<void> TraceExport::flush(Ctx ctx) {
  while (trouble_.empty() && !ctx.expired()) {
    [[maybe_unused]] const auto more = co_await round(ctx);
    if (in_body_ == 0 && tracer_.empty()) co_return;
  }
}

}  // namespace agora::service
