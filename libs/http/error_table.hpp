#pragma once
#include <span>
#include <string_view>

#include "libs/base/result.hpp"
#include "libs/http/router.hpp"

namespace agora::http {

/// A row of contracts/http/errors.yaml.
struct ErrorRow {
  std::string_view code;
  int status;
  std::string_view title;
  std::string_view meaning;
};

/// All rows, sorted by code.
std::span<const ErrorRow> error_table();
/// The row of a code; null when the table has none.
const ErrorRow* find_error(std::string_view code);
/// Status of an Errc, for codes that the table does not have.
int status_of(Errc errc);

/// `GET /errors/{code}`: a page for whoever opens a problem's `type`.
std::vector<Route> error_routes();

}  // namespace agora::http
