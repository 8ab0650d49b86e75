#include "common/http/server.h"

#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <optional>
#include <sstream>
#include <thread>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "boost/asio/io_context.hpp"
#include "boost/asio/ip/tcp.hpp"
#include "boost/asio/local/stream_protocol.hpp"
#include "boost/beast/core.hpp"
#include "boost/beast/http.hpp"
#include "common/http/address.h"
#include "common/http/event_writer.h"

namespace breakwater::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using Tcp = asio::ip::tcp;
using Local = asio::local::stream_protocol;
using ErrorCode = beast::error_code;

struct Counters {
  std::atomic<uint64_t> requests{0};
  std::atomic<uint64_t> refused_connections{0};
  std::atomic<uint64_t> bad_requests{0};
};

// What connections and the acceptor share. Everything but the counters belongs to the server's thread.
struct Core;
struct Shared {
  explicit Shared(Core& c) : core(c) {}
  Core& core;
  ServerOptions options;
  Router router;
  Counters counters;
  size_t connections = 0;
};

// Kept by the server and by every answer that is still owed, so that a late one finds its connection's world in place.
struct Core : std::enable_shared_from_this<Core> {
  Shared shared{*this};  // outlives the connections, which io holds
  asio::io_context io{1};
};

Response ErrorResponse(const ErrorCode& ec, const ServerOptions& options) {
  if (ec == beast::http::error::body_limit) {
    return Problem(413, absl::StrCat("the body is over the limit of ", options.max_body, " bytes"));
  }
  if (ec == beast::http::error::header_limit) {
    return Problem(431, absl::StrCat("the header is over the limit of ", options.max_header, " bytes"));
  }
  if (ec == beast::error::timeout) return Problem(408, "the request took too long to arrive");
  return Problem(400, "not an HTTP/1.1 request: " + ec.message());
}

// The answer that comes later, from whichever thread; once.
struct Promise {
  explicit Promise(std::function<void(std::function<Response()>)> f) : send(std::move(f)) {}
  ~Promise() {
    Keep([] { return Problem(500, "nobody answered"); });
  }
  void Keep(std::function<Response()> make) {
    if (!kept.exchange(true)) send(std::move(make));
  }
  std::atomic<bool> kept{false};
  std::function<void(std::function<Response()>)> send;
};

template <typename Protocol>
class Connection : public std::enable_shared_from_this<Connection<Protocol>> {
 public:
  Connection(typename Protocol::socket socket, Shared& shared) : stream_(std::move(socket)), shared_(shared) {
    ++shared_.connections;
  }
  ~Connection() { --shared_.connections; }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void Read() {
    parser_.emplace();
    parser_->body_limit(shared_.options.max_body);
    parser_->header_limit(static_cast<uint32_t>(shared_.options.max_header));
    SetDeadline();
    beast::http::async_read(stream_, buffer_, *parser_,
                            [self = this->shared_from_this()](ErrorCode ec, size_t) { self->OnRead(ec); });
  }

 private:
  void SetDeadline() { stream_.expires_after(absl::ToChronoMilliseconds(shared_.options.timeout)); }

  void OnRead(ErrorCode ec) {
    if (ec == beast::http::error::end_of_stream) return Close();
    if (ec) {
      // A peer that went away or an idle connection's end is no bad request.
      const bool started = parser_->got_some() || buffer_.size() > 0;
      const bool ours = ec.category() == beast::http::make_error_code(beast::http::error::bad_method).category();
      if (!(ours || (ec == beast::error::timeout && started))) return Close();
      ++shared_.counters.bad_requests;
      // After a time-out the stream is closed already; nothing can be answered.
      if (ec == beast::error::timeout) return Close();
      return Write(ErrorResponse(ec, shared_.options), /*keep_alive=*/false, /*head=*/false);
    }
    ++shared_.counters.requests;
    auto message = parser_->release();
    const bool keep_alive = message.keep_alive();
    Request request = ToRequest(std::move(message));
    const bool head = request.method == "HEAD";
    // The connection lives as long as its answer is owed.
    auto promise = std::make_shared<Promise>([core = shared_.core.shared_from_this(), self = this->shared_from_this(),
                                              keep_alive, head](std::function<Response()> make) {
      asio::post(self->stream_.get_executor(),
                 [self, keep_alive, head, make = std::move(make)] { self->Answer(make, keep_alive, head); });
    });
    stream_.expires_never();
    shared_.router.Dispatch(std::move(request),
                            [promise](std::function<Response()> make) { promise->Keep(std::move(make)); });
  }

  static Request ToRequest(beast::http::request<beast::http::string_body> message) {
    const std::string_view target(message.target().data(), message.target().size());
    const size_t question = target.find('?');
    Request request;
    request.method = std::string(message.method_string());
    request.path = std::string(target.substr(0, question));
    if (question != std::string_view::npos) request.query = std::string(target.substr(question + 1));
    for (const auto& field : message) {
      std::string name(field.name_string());
      for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      std::string& value = request.headers[name];
      if (!value.empty()) value += ", ";
      value.append(field.value().data(), field.value().size());
    }
    request.content_type = std::string(request.Header("content-type"));
    request.body = std::move(message.body());
    return request;
  }

  void Answer(const std::function<Response()>& make, bool keep_alive, bool head) {
    Response response;
    try {
      response = make();
    } catch (const std::exception& error) {
      response = Problem(500, error.what());
    }
    if (response.events != nullptr && !head) return StartEvents(std::move(response));
    Write(std::move(response), keep_alive, head);
  }

  void SetHead(const Response& response) {
    reply_ = {};
    reply_.version(11);
    reply_.result(static_cast<unsigned>(response.status));
    reply_.reason(beast::string_view(ReasonPhrase(response.status).data(), ReasonPhrase(response.status).size()));
    if (!response.content_type.empty()) reply_.set(beast::http::field::content_type, response.content_type);
    reply_.set(beast::http::field::cache_control, "no-store");
    reply_.set("X-Content-Type-Options", "nosniff");
    if (!response.allow.empty()) reply_.set(beast::http::field::allow, response.allow);
    for (const auto& [name, value] : response.headers) reply_.set(name, value);
  }

  void Write(Response response, bool keep_alive, bool head) {
    SetHead(response);
    reply_.keep_alive(keep_alive);
    const bool has_static = !response.static_body.empty();
    if (response.status != 304) {
      reply_.content_length(has_static ? response.static_body.size() : response.body.size());
    }
    SetDeadline();
    const auto written = [self = this->shared_from_this(), keep_alive](ErrorCode ec, size_t) {
      if (ec || !keep_alive) return self->Close();
      self->Read();
    };
    if (head || !has_static) {
      if (!head && response.status != 304) reply_.body() = std::move(response.body);
      beast::http::async_write(stream_, reply_, written);
      return;
    }
    // What has static storage isn't copied: its head, then itself.
    const std::string_view body = response.static_body;
    head_ = HeadText();
    asio::async_write(stream_,
                      std::array<asio::const_buffer, 2>{asio::buffer(head_), asio::buffer(body.data(), body.size())},
                      written);
  }

  std::string HeadText() {
    std::ostringstream out;
    out << reply_.base();
    return out.str();
  }

  // From here on the connection belongs to the events; what its peer still sends is thrown away.
  void StartEvents(Response response) {
    SetHead(response);
    reply_.set(beast::http::field::connection, "close");
    auto writer = std::make_shared<EventWriter<Protocol>>(this->shared_from_this(), stream_, response.events);
    writer->Start(HeadText(), response.topics);
  }

  void Close() {
    ErrorCode ignored;
    stream_.socket().shutdown(Protocol::socket::shutdown_both, ignored);
    stream_.close();
  }

  beast::basic_stream<Protocol> stream_;
  Shared& shared_;
  beast::flat_buffer buffer_;
  std::optional<beast::http::request_parser<beast::http::string_body>> parser_;
  beast::http::response<beast::http::string_body> reply_;
  std::string head_;
};

// Whether path is free for a new socket: nothing there, or a socket that nobody listens on, which is then removed.
absl::Status MakeWay(const std::string& path) {
  struct stat st {};
  if (lstat(path.c_str(), &st) != 0) {
    if (errno == ENOENT) return absl::OkStatus();
    return absl::ErrnoToStatus(errno, absl::StrCat("can't look at ", path));
  }
  if (!S_ISSOCK(st.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " exists and is no socket; move it away or choose another path"));
  }
  asio::io_context io;
  Local::socket probe(io);
  ErrorCode ec;
  probe.connect(Local::endpoint(path), ec);
  if (ec != asio::error::connection_refused) {
    return absl::AlreadyExistsError(
        absl::StrCat("another process listens on ", path, "; is the edge already running?"));
  }
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return absl::ErrnoToStatus(errno, absl::StrCat("can't remove the stale socket ", path));
  }
  return absl::OkStatus();
}

absl::Status FromErrorCode(const ErrorCode& ec, std::string_view what) {
  return absl::ErrnoToStatus(ec.value(), std::string(what));
}

}  // namespace

class Server::Impl {
 public:
  Impl(ServerOptions options, Router router) {
    core_->shared.options = std::move(options);
    core_->shared.router = std::move(router);
  }

  ~Impl() {
    core_->io.stop();
    if (thread_.joinable()) thread_.join();
    if (!bound_path_.empty()) unlink(bound_path_.c_str());
  }

  absl::Status Open() {
    const ServerOptions& o = core_->shared.options;
    if (o.tcp.empty() == o.unix_path.empty()) {
      return absl::InvalidArgumentError("an HTTP server needs either a TCP address or a unix socket");
    }
    if (absl::Status s = o.tcp.empty() ? OpenLocal() : OpenTcp(); !s.ok()) return s;
    thread_ = std::thread([this] { core_->io.run(); });
    return absl::OkStatus();
  }

  uint16_t port() const { return port_; }
  const Counters& counters() const { return core_->shared.counters; }

 private:
  absl::Status OpenTcp() {
    const std::string& text = core_->shared.options.tcp;
    const absl::StatusOr<SocketAddress> address = ParseSocketAddress(text);
    if (!address.ok()) return address.status();
    ErrorCode ec;
    const asio::ip::address ip = asio::ip::make_address(address->address.ToString(), ec);
    const Tcp::endpoint endpoint(ip, address->port);
    auto& acceptor = tcp_.emplace(core_->io);
    acceptor.open(endpoint.protocol(), ec);
    if (!ec) acceptor.set_option(asio::socket_base::reuse_address(true), ec);
    if (!ec) acceptor.bind(endpoint, ec);
    if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
    if (ec) return FromErrorCode(ec, absl::StrCat("can't listen on ", text));
    port_ = acceptor.local_endpoint(ec).port();
    Accept(acceptor);
    return absl::OkStatus();
  }

  absl::Status OpenLocal() {
    const std::string& path = core_->shared.options.unix_path;
    if (path.size() >= sizeof(sockaddr_un{}.sun_path)) {
      return absl::InvalidArgumentError(absl::StrCat("the socket path ", path, " has ", path.size(),
                                                     " bytes; the limit is ", sizeof(sockaddr_un{}.sun_path) - 1));
    }
    if (absl::Status s = MakeWay(path); !s.ok()) return s;
    ErrorCode ec;
    auto& acceptor = local_.emplace(core_->io);
    acceptor.open(Local(), ec);
    // Before bind, so that the socket never exists with a wider mode.
    if (!ec && fchmod(acceptor.native_handle(), 0600) != 0) ec.assign(errno, boost::system::system_category());
    if (!ec) acceptor.bind(Local::endpoint(path), ec);
    if (!ec) bound_path_ = path;
    if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
    if (ec) return FromErrorCode(ec, absl::StrCat("can't listen on the socket ", path));
    Accept(acceptor);
    return absl::OkStatus();
  }

  template <typename Acceptor>
  void Accept(Acceptor& acceptor) {
    using Protocol = typename Acceptor::protocol_type;
    acceptor.async_accept([this, &acceptor](ErrorCode ec, typename Protocol::socket socket) {
      if (ec == asio::error::operation_aborted) return;
      if (ec) {
        // Out of descriptors: wait, so that the loop doesn't spin until one is free.
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
      } else if (core_->shared.connections >= core_->shared.options.max_connections) {
        ++core_->shared.counters.refused_connections;
      } else {
        if constexpr (std::is_same_v<Protocol, Tcp>) {
          ErrorCode ignored;
          socket.set_option(Tcp::no_delay(true), ignored);
        }
        std::make_shared<Connection<Protocol>>(std::move(socket), core_->shared)->Read();
      }
      Accept(acceptor);
    });
  }

  const std::shared_ptr<Core> core_ = std::make_shared<Core>();
  std::optional<Tcp::acceptor> tcp_;
  std::optional<Local::acceptor> local_;
  std::string bound_path_;
  uint16_t port_ = 0;
  std::thread thread_;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

absl::StatusOr<std::unique_ptr<Server>> Server::Start(ServerOptions options, Router router) {
  try {
    auto impl = std::make_unique<Impl>(std::move(options), std::move(router));
    if (absl::Status s = impl->Open(); !s.ok()) return s;
    return std::unique_ptr<Server>(new Server(std::move(impl)));
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("can't start the HTTP server: ", error.what()));
  }
}

uint16_t Server::port() const { return impl_->port(); }

Server::Stats Server::stats() const {
  const Counters& c = impl_->counters();
  return {.requests = c.requests, .refused_connections = c.refused_connections, .bad_requests = c.bad_requests};
}

}  // namespace breakwater::http
