#include "common/http/client.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "boost/asio/io_context.hpp"
#include "boost/asio/ip/tcp.hpp"
#include "boost/asio/local/stream_protocol.hpp"
#include "boost/beast/core.hpp"
#include "boost/beast/http.hpp"
#include "common/http/address.h"

namespace breakwater::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using ErrorCode = beast::error_code;

constexpr uint64_t kMaxAnswer = 16 * 1024 * 1024;

absl::Status ToStatus(const ErrorCode& ec, std::string_view doing, std::string_view target) {
  const std::string what = absl::StrCat(std::string(doing), " ", std::string(target), ": ", ec.message());
  if (ec == beast::error::timeout) return absl::DeadlineExceededError(what);
  if (ec == asio::error::access_denied || ec == boost::system::errc::permission_denied) {
    return absl::PermissionDeniedError(what);
  }
  if (ec.category() == boost::system::system_category()) return absl::UnavailableError(what);
  return absl::InternalError(what);
}

template <typename Protocol>
absl::StatusOr<Response> Exchange(const typename Protocol::endpoint& endpoint, std::string_view target,
                                  const Request& request, absl::Duration timeout) {
  asio::io_context io;
  beast::basic_stream<Protocol> stream(io);
  stream.expires_after(absl::ToChronoMilliseconds(timeout));

  beast::http::request<beast::http::string_body> message;
  message.method_string(request.method);
  message.target(request.query.empty() ? request.path : request.path + "?" + request.query);
  message.version(11);
  message.set(beast::http::field::host, "localhost");
  message.set(beast::http::field::user_agent, "breakwater");
  if (!request.content_type.empty()) message.set(beast::http::field::content_type, request.content_type);
  for (const auto& [name, value] : request.headers) message.set(name, value);
  message.keep_alive(false);
  message.body() = request.body;
  message.prepare_payload();

  beast::flat_buffer buffer;
  beast::http::response_parser<beast::http::string_body> parser;
  parser.body_limit(kMaxAnswer);
  parser.skip(request.method == "HEAD");

  // Each step starts the next; the first error ends the exchange. The deadline holds for all of it.
  ErrorCode failed;
  std::string_view doing = "can't connect to";
  stream.async_connect(endpoint, [&](ErrorCode ec) {
    if (ec) {
      failed = ec;
      return;
    }
    doing = "can't send to";
    beast::http::async_write(stream, message, [&](ErrorCode write_ec, size_t) {
      // A server that refuses a large body answers and closes before it has read all of it.
      const bool answered_early = write_ec == asio::error::broken_pipe || write_ec == asio::error::connection_reset;
      if (write_ec && !answered_early) {
        failed = write_ec;
        return;
      }
      doing = "no answer from";
      beast::http::async_read(stream, buffer, parser, [&](ErrorCode read_ec, size_t) { failed = read_ec; });
    });
  });
  io.run();
  if (failed) return ToStatus(failed, doing, target);
  auto reply = parser.release();
  Response response;
  response.status = static_cast<int>(reply.result_int());
  const auto type = reply[beast::http::field::content_type];
  response.content_type.assign(type.data(), type.size());
  const auto allow = reply[beast::http::field::allow];
  response.allow.assign(allow.data(), allow.size());
  for (const auto& field : reply) {
    response.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  }
  response.body = std::move(reply.body());
  return response;
}

}  // namespace

absl::StatusOr<Response> Fetch(std::string_view target, const Request& request, absl::Duration timeout) {
  constexpr std::string_view kUnix = "unix:";
  try {
    if (target.starts_with(kUnix)) {
      const std::string path(target.substr(kUnix.size()));
      return Exchange<asio::local::stream_protocol>(asio::local::stream_protocol::endpoint(path), path, request,
                                                    timeout);
    }
    const absl::StatusOr<SocketAddress> address = ParseSocketAddress(target);
    if (!address.ok()) return address.status();
    const asio::ip::tcp::endpoint endpoint(asio::ip::make_address(address->address.ToString()), address->port);
    return Exchange<asio::ip::tcp>(endpoint, target, request, timeout);
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("request to ", std::string(target), " failed: ", error.what()));
  }
}

}  // namespace breakwater::http
