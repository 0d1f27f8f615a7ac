#pragma once
// One connection to a broker, from the side that asks: versions agreed on, calls pipelined, answers
// matched in order. Belongs to one shard and its owner there.
//
//     auto connection = co_await ClientConnection::connect(scope, "localhost", 9092, settings,
//     deadline); CO_TRY(const int16_t version,
//     (*connection)->version_of(MetadataRequest::descriptor())); CO_TRY(const Bytes body, co_await
//     (*connection)->call(scope, request, version, deadline));
//     ... MetadataResponseView::decode(body.view(), version)
//     co_await (*connection)->close();
//
// Invariants:
//  1. Answers come in the order of the requests; one that does not match ends the connection.
//  2. When the connection ends, every call that waits gets its error, and every later one at once.
//  3. A call whose deadline passed leaves the connection usable: its answer is dropped when it
//     comes.
//  4. REQUIRED: close() has been awaited before destruction.

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "rpc/frame_reader.h"
#include "rpc/output_queue.h"
#include "runtime/net.h"
#include "runtime/scope.h"
#include "runtime/shard.h"
#include "wire/frame.h"
#include "wire/messages/api_versions.h"

namespace partita::rpc {

struct ClientSettings {
  std::string client_id = "partita";
  std::string software_name = "partita";
  std::string software_version = "0.1.0";
  size_t response_bytes_max = 104'857'600;
  /// Calls wait while so much is queued to be sent.
  size_t queued_bytes_max = 64 << 20;
};

class ClientConnection {
 public:
  /// Resolves, connects to the first address that answers, and asks for the broker's versions. An
  /// attempt that the deadline overtook ends under `scope` later, by the network's own limit.
  static Task<Result<std::unique_ptr<ClientConnection>>> connect(Scope& scope, std::string host,
                                                                 uint16_t port,
                                                                 ClientSettings settings,
                                                                 Deadline deadline);
  /// Over a stream that is connected; no versions are asked for until agree_on_versions().
  ClientConnection(Shard& shard, std::unique_ptr<Stream> stream, ClientSettings settings);
  ~ClientConnection();
  ClientConnection(const ClientConnection&) = delete;

  /// Learns the broker's versions and features, stepping down where it does not know our version of
  /// the question.
  Task<Result<>> agree_on_versions(Scope& scope, Deadline deadline);
  /// What the broker said of itself.
  const wire::ApiVersionsResponse& broker_versions() const { return versions_; }
  /// The newest that both sides know; unsupported_version where there is none.
  Result<int16_t> version_of(const wire::MessageDescriptor& request) const;
  Result<int16_t> version_of(wire::ApiKey key, wire::VersionRange ours) const;

  /// Sends the request when awaited; answers the response's body, behind its header. `request` is
  /// not used afterwards.
  template <class Request>
  Task<Result<Bytes>> call(Scope& scope, const Request& request, int16_t version,
                           Deadline deadline) {
    const Outgoing what{static_cast<wire::ApiKey>(Request::descriptor().key), version,
                        next_correlation_id_++};
    return exchange(
        scope, wire::encode_request(request, version, what.correlation_id, settings_.client_id),
        what, deadline);
  }
  /// For requests without an answer (Produce with acks=0): returns when it is queued.
  template <class Request>
  Task<Result<>> send_only(Scope& scope, const Request& request, int16_t version,
                           Deadline deadline) {
    return enqueue(
        scope, wire::encode_request(request, version, next_correlation_id_++, settings_.client_id),
        deadline);
  }

  /// The calls that wait for an answer.
  size_t calls_in_flight() const { return pending_.size(); }
  /// Why the connection ended, once it has.
  const std::optional<Error>& error() const { return error_; }
  const Endpoint& peer() const { return peer_; }

  /// Ends it: waiting calls get `stopped`. Idempotent; returns when nothing of it runs.
  Task<void> close();

 private:
  struct Outgoing {
    wire::ApiKey key;
    int16_t version = 0;
    int32_t correlation_id = 0;
  };
  /// In the frame of a call that waits.
  struct Call {
    Wait wait;
    std::optional<Result<Bytes>> result;
  };
  struct Pending {
    Outgoing what;
    Call* call = nullptr;  // null once the caller has given up
  };

  Task<Result<Bytes>> exchange(Scope& scope, Result<ByteChain> frame, Outgoing what,
                               Deadline deadline);
  Task<Result<>> enqueue(Scope& scope, Result<ByteChain> frame, Deadline deadline);
  Task<Result<Bytes>> ask_versions(Scope& scope, int16_t version, Deadline deadline);
  Task<void> read_responses();
  Task<Result<>> read_until_end();
  Result<> take_frames();
  Result<> take(const Bytes& frame);
  Task<void> write_requests();
  void end(Error error);

  Shard& shard_;
  const std::unique_ptr<Stream> stream_;
  const ClientSettings settings_;
  const Endpoint peer_;
  Scope scope_;
  ReceiveScratch scratch_;
  FrameReader frames_;
  OutputQueue output_;
  WaitQueue sending_;  // the writer waits for something to send
  WaitQueue room_;     // calls wait for output_ to shrink
  std::deque<Pending> pending_;
  int32_t next_correlation_id_ = 0;
  std::optional<Error> error_;
  wire::ApiVersionsResponse versions_;
};

}  // namespace partita::rpc
