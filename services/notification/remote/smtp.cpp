#include "services/notification/remote/smtp.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "libs/sql/faults.hpp"

namespace agora::notification {
namespace {

using Handle = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
using List = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

std::size_t give(char* into, std::size_t size, std::size_t count, void* from) {
  auto& rest = *static_cast<std::string_view*>(from);
  const auto bytes = std::min(rest.size(), size * count);
  std::memcpy(into, rest.data(), bytes);
  rest.remove_prefix(bytes);
  return bytes;
}

/// What the server said. Its words are left out: they like to repeat the recipient.
Result<void> outcome(CURLcode code, long status) {
  if (code == CURLE_OK) return {};
  const auto answer = status > 0 ? "it answered " + std::to_string(status) : std::string(curl_easy_strerror(code));
  // That it does not know us is nothing that another recipient would change.
  const bool ours = code == CURLE_LOGIN_DENIED || code == CURLE_USE_SSL_FAILED;
  if (status >= 500 && !ours && code != CURLE_OPERATION_TIMEDOUT) {
    return Error{Errc::invalid_argument, "mail_refused", "The mail server refused: " + answer + "."};
  }
  return Error{Errc::unavailable, "mail_deferred", "The mail server did not take it now: " + answer + "."};
}

}  // namespace

Smtp::Smtp(SmtpOptions options) : options_(std::move(options)) {
  if (!options_.url.starts_with("smtp://") && !options_.url.starts_with("smtps://")) {
    throw std::invalid_argument("the URL of a mail server is smtp://HOST:PORT or smtps://HOST:PORT");
  }
}

Task<Result<void>> Smtp::send(Ctx ctx, Mail mail) {
  const Handle easy(curl_easy_init(), curl_easy_cleanup);
  if (!easy) throw std::runtime_error("libcurl gave no handle");
  const auto from = "<" + mail.from + ">";
  const auto to = "<" + mail.to + ">";
  const List recipients(curl_slist_append(nullptr, to.c_str()), curl_slist_free_all);
  const auto message = to_rfc5322(mail);
  std::string_view rest = message;
  curl_easy_setopt(easy.get(), CURLOPT_URL, options_.url.c_str());
  curl_easy_setopt(easy.get(), CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  curl_easy_setopt(easy.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(easy.get(), CURLOPT_USE_SSL, options_.require_tls ? CURLUSESSL_ALL : CURLUSESSL_TRY);
  if (!options_.user.empty()) {
    curl_easy_setopt(easy.get(), CURLOPT_USERNAME, options_.user.c_str());
    curl_easy_setopt(easy.get(), CURLOPT_PASSWORD, options_.password.reveal().c_str());
  }
  curl_easy_setopt(easy.get(), CURLOPT_MAIL_FROM, from.c_str());
  curl_easy_setopt(easy.get(), CURLOPT_MAIL_RCPT, recipients.get());
  curl_easy_setopt(easy.get(), CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_READFUNCTION, give);
  curl_easy_setopt(easy.get(), CURLOPT_READDATA, &rest);

  const auto code = co_await transfers_.perform(std::move(ctx), easy.get());
  if (code == CURLE_OK) AGORA_CRASH_POINT("notification.mail.sent");
  long status = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  co_return outcome(code, status);
}

}  // namespace agora::notification
