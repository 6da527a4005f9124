#include "libs/transfer/http.hpp"

#include <algorithm>
#include <new>
#include <stdexcept>

namespace agora::transfer {
namespace {

using Easy = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
using Headers = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

struct Body {
  std::string text{};
  std::size_t bytes_max = 0;
};

std::size_t collect(char* data, std::size_t size, std::size_t count, void* into) {
  auto& body = *static_cast<Body*>(into);
  if (body.text.size() + size * count > body.bytes_max) return 0;
  body.text.append(data, size * count);
  return size * count;
}

void add(Headers& headers, const std::string& line) {
  auto* longer = curl_slist_append(headers.get(), line.c_str());
  if (longer == nullptr) throw std::bad_alloc();
  static_cast<void>(headers.release());
  headers.reset(longer);
}

Headers header_lines(const HttpRequest& request) {
  Headers headers(nullptr, curl_slist_free_all);
  for (const auto& line : request.headers) add(headers, line);
  // A body is sent at once, without asking whether it may be.
  if (!request.body.empty()) add(headers, "Expect:");
  return headers;
}

void prepare(CURL* easy, const HttpRequest& request, curl_slist* headers, Body& body) {
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  if (!request.body.empty()) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
  }
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, collect);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
}

HttpAnswer answer_of(CURL* easy, std::string body) {
  HttpAnswer answer{.body = std::move(body)};
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &answer.status);
  for (curl_header* header = nullptr; (header = curl_easy_nextheader(easy, CURLH_HEADER, -1, header)) != nullptr;) {
    answer.headers.emplace_back(header->name, header->value);
  }
  return answer;
}

}  // namespace

std::optional<std::string_view> HttpAnswer::header(std::string_view name) const {
  const std::string wanted(name);
  const auto is_it = [&](const auto& header) { return curl_strequal(header.first.c_str(), wanted.c_str()) != 0; };
  const auto found = std::find_if(headers.begin(), headers.end(), is_it);
  if (found == headers.end()) return std::nullopt;
  return found->second;
}

Task<Result<HttpAnswer>> ask(Transfers& transfers, Ctx ctx, HttpRequest request) {
  const Easy easy(curl_easy_init(), curl_easy_cleanup);
  if (!easy) throw std::runtime_error("libcurl gave no handle");
  const auto headers = header_lines(request);
  Body body{.bytes_max = request.answer_bytes_max};
  prepare(easy.get(), request, headers.get(), body);
  const auto code = co_await transfers.perform(std::move(ctx), easy.get());
  if (code != CURLE_OK) co_return Error{Errc::unavailable, "no_answer", curl_easy_strerror(code)};
  co_return answer_of(easy.get(), std::move(body.text));
}

}  // namespace agora::transfer
