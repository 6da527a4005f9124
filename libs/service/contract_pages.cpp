#include "libs/service/contract_pages.hpp"

#include "libs/json/writer.hpp"

namespace agora::service {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kHtml = "text/html; charset=utf-8";

Task<Result<http::Response>> answer(std::string_view text, std::string_view content_type) {
  co_return http::Response{.body = std::string(text), .content_type = content_type};
}

http::Route page(std::string path, std::string operation_id, std::string_view text, std::string_view content_type) {
  return {http::Method::get,
          std::move(path),
          std::move(operation_id),
          http::Auth::anonymous,
          http::Ownership::none,
          [text, content_type](Ctx, http::Request) { return answer(text, content_type); },
          http::DemoGuests::no,
          http::Admission::normal,
          content_type.substr(0, content_type.find(';')),
          http::Query::ignored};
}

}  // namespace

std::vector<http::Route> health_route(std::string_view title, std::string operation_id) {
  auto body = std::make_shared<std::string>();
  json::Writer(*body).begin_object().member("status", "OK").member("service", title).end_object();
  auto route = page("/health", std::move(operation_id), *body, kJson);
  route.handler = [body](Ctx, http::Request) { return answer(*body, kJson); };
  return {std::move(route)};
}

std::vector<http::Route> page_routes(const ContractPages& pages) {
  return {page("/", "getIndex", pages.index, kHtml), page("/docs", "getDocs", pages.docs, kHtml),
          page("/openapi.json", "getOpenApi", pages.openapi, kJson)};
}

}  // namespace agora::service
