#include "services/order/api/http_pages.hpp"

#include "embedded/docs_page.hpp"
#include "embedded/index_page.hpp"
#include "embedded/openapi_document.hpp"

namespace agora::order {
namespace {

using http::Request;
using http::Response;

constexpr std::string_view kHtml = "text/html; charset=utf-8";

Task<Result<Response>> get_health(Ctx, Request) {
  co_return Response{.body = R"({"status":"OK","service":"Order Service"})"};
}

Task<Result<Response>> get_index(Ctx, Request) {
  co_return Response{.body = std::string(embedded::index_page), .content_type = kHtml};
}

Task<Result<Response>> get_docs(Ctx, Request) {
  co_return Response{.body = std::string(embedded::docs_page), .content_type = kHtml};
}

Task<Result<Response>> get_openapi(Ctx, Request) {
  co_return Response{.body = std::string(embedded::openapi_document)};
}

http::Route row(std::string path, std::string operation_id, http::Handler handler, std::string_view produces) {
  return {http::Method::get,     std::move(path),         std::move(operation_id),
          http::Auth::anonymous, http::Ownership::none,   std::move(handler),
          http::DemoGuests::no,  http::Admission::normal, produces,
          http::Query::ignored};
}

}  // namespace

std::vector<http::Route> health_route() {
  return {row("/health", "getHealth", get_health, "application/json")};
}

std::vector<http::Route> page_routes() {
  return {row("/", "getIndex", get_index, "text/html"), row("/docs", "getDocs", get_docs, "text/html"),
          row("/openapi.json", "getOpenApi", get_openapi, "application/json")};
}

}  // namespace agora::order
