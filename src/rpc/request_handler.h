#pragma once
// What a server connection asks of whoever answers requests: the broker's dispatch table stands
// behind it.
//
// Invariants:
//  1. handle() is called for the requests of one connection in their order, and each task is
//     started (up to its first suspension) before the next request is looked at: appends keep their
//     order.
//  2. A Request's views borrow its frame, which lives until its task has finished.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "base/time.h"
#include "runtime/net.h"
#include "runtime/scope.h"
#include "runtime/task.h"
#include "wire/api_key.h"

namespace partita::rpc {

/// What is known of the peer; one per connection, outlives its requests.
struct ConnectionContext {
  uint64_t id = 0;            ///< unique within the process
  std::string listener_name;  ///< the listener that it came in on
  Endpoint peer;
  Endpoint local;
  // From ApiVersions 3 and later.
  std::string client_software_name;
  std::string client_software_version;
};

struct Request {
  wire::ApiKey api_key{};
  int16_t version = 0;
  int32_t correlation_id = 0;
  std::string_view client_id;  ///< empty where null
  Bytes frame;                 ///< without the size in front
  ByteView body;               ///< behind the header
  Instant received;
  ConnectionContext* connection = nullptr;
  /// Waits of the request belong here; closed with the connection.
  Scope* scope = nullptr;
  /// Waits for more than there is (long polls) belong here: closed when an answer is wanted at
  /// once, because the server stops or the peer has closed its side.
  Scope* patience = nullptr;
};

/// What becomes of a request.
struct Response {
  enum class Kind {
    reply,  ///< `frame` is sent: size, header and body
    none,   ///< nothing is sent (acks=0)
    close,  ///< the connection is closed; `reason` is logged
  };

  Kind kind = Kind::reply;
  ByteChain frame;
  std::string reason;

  static Response nothing() { return {.kind = Kind::none}; }
  static Response closing(std::string why) {
    return {.kind = Kind::close, .reason = std::move(why)};
  }
};

/// How a request may run beside others of its connection (DESIGN decision 7).
enum class Overlap {
  with_others,  ///< Produce, Fetch
  alone,        ///< waits for those before it, and those after it wait
};

class RequestHandler {
 public:
  virtual ~RequestHandler() = default;
  /// Whether the request is known at all, before anything of its body is looked at: an Error closes
  /// the connection with its words as the reason.
  virtual Result<Overlap> admit(wire::ApiKey api_key, int16_t version) const = 0;
  virtual Task<Response> handle(Request request) = 0;
};

}  // namespace partita::rpc
