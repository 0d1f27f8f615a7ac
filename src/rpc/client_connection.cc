#include "rpc/client_connection.h"

#include <algorithm>

#include "base/check.h"
#include "base/fault_points.h"
#include "wire/error_code.h"

namespace partita::rpc {

namespace {

/// What a connection attempt and its caller share; the attempt may outlive the caller.
struct Attempt {
  WaitQueue ended;
  std::optional<Result<std::unique_ptr<Stream>>> result;
};

Task<Result<std::unique_ptr<Stream>>> connect_to_any(Shard& shard, std::string host,
                                                     uint16_t port) {
  Completion<Result<std::vector<std::string>>> resolved(shard.executor());
  shard.net().start_resolve(host, resolved);
  CO_TRY(const std::vector<std::string> addresses, co_await resolved);
  Result<std::unique_ptr<Stream>> stream = fail(Errc::not_found, host + " has no address");
  for (const std::string& address : addresses) {
    Completion<Result<std::unique_ptr<Stream>>> done(shard.executor());
    shard.net().start_connect({.address = address, .port = port}, done);
    stream = co_await done;
    if (stream) break;
  }
  co_return stream;
}

Task<void> run_attempt(Shard& shard, std::string host, uint16_t port,
                       std::shared_ptr<Attempt> attempt) {
  attempt->result = co_await connect_to_any(shard, std::move(host), port);
  attempt->ended.wake_all();
}

Task<Result<std::unique_ptr<Stream>>> open_stream(Scope& scope, std::string host, uint16_t port,
                                                  Deadline deadline) {
  if (scope.closed()) co_return fail(Errc::stopped);
  const auto attempt = std::make_shared<Attempt>();
  scope.spawn(run_attempt(scope.shard(), host, port, attempt));
  if (!attempt->result) {
    const Result<> woken = co_await attempt->ended.wait(scope, deadline);
    if (!woken && !attempt->result) {
      co_return fail(woken.error().code, "connecting to " + host + ":" + std::to_string(port));
    }
  }
  co_return std::move(*attempt->result);
}

}  // namespace

Task<Result<std::unique_ptr<ClientConnection>>> ClientConnection::connect(
    Scope& scope, std::string host, uint16_t port, ClientSettings settings, Deadline deadline) {
  CO_TRY(auto stream, co_await open_stream(scope, std::move(host), port, deadline));
  auto connection =
      std::make_unique<ClientConnection>(scope.shard(), std::move(stream), std::move(settings));
  const Result<> agreed = co_await connection->agree_on_versions(scope, deadline);
  if (!agreed) {
    co_await connection->close();
    co_return std::unexpected(agreed.error());
  }
  co_return connection;
}

ClientConnection::ClientConnection(Shard& shard, std::unique_ptr<Stream> stream,
                                   ClientSettings settings)
    : shard_(shard),
      stream_(std::move(stream)),
      settings_(std::move(settings)),
      peer_(stream_->peer()),
      scope_(shard),
      frames_(scratch_, settings_.response_bytes_max) {
  scope_.spawn(write_requests());
  scope_.spawn(read_responses());
}

ClientConnection::~ClientConnection() {
  CHECK(pending_.empty());
  CHECK(scope_.task_count() == 0);
}

Task<void> ClientConnection::close() {
  end({Errc::stopped, "the connection is closed"});
  co_await scope_.join();
}

void ClientConnection::end(Error error) {
  if (error_) return;
  error_ = std::move(error);
  stream_->close();
  for (Pending& each : std::exchange(pending_, {})) {
    if (each.call == nullptr) continue;
    each.call->result = std::unexpected(*error_);
    each.call->wait.wake();
  }
  room_.wake_all();
  scope_.close();
}

// --- Versions ---

Task<Result<Bytes>> ClientConnection::ask_versions(Scope& scope, int16_t version,
                                                   Deadline deadline) {
  wire::ApiVersionsRequest request;
  if (version >= 3) {
    request.client_software_name = settings_.software_name;
    request.client_software_version = settings_.software_version;
  }
  return call(scope, request, version, deadline);
}

Task<Result<>> ClientConnection::agree_on_versions(Scope& scope, Deadline deadline) {
  const wire::ApiInfo& api = wire::api_info(wire::ApiKey::api_versions);
  const int16_t unsupported = wire::error_code(Errc::unsupported_version);
  int16_t version = api.last_stable;
  CO_TRY(Bytes body, co_await ask_versions(scope, version, deadline));
  // Whatever the version, the error code stands first; this error comes in the form of version 0.
  if (body.size() >= 2 && load_be<int16_t>(body.data()) == unsupported) {
    COVERED("rpc.versions_step_down");
    CO_TRY(const auto refusal, wire::ApiVersionsResponseView::decode(body.view(), 0));
    version = 0;
    for (const auto& each : refusal.api_keys) {
      if (each.api_key != static_cast<int16_t>(api.key)) continue;
      version = std::clamp<int16_t>(each.max_version, 0, api.last_stable);
    }
    CO_TRY(body, co_await ask_versions(scope, version, deadline));
  }
  CO_TRY(const auto answer, wire::ApiVersionsResponseView::decode(body.view(), version));
  if (const auto refused = wire::errc_of(answer.error_code))
    co_return fail(*refused, "ApiVersions");
  versions_ = wire::materialise(answer);
  co_return Result<>();
}

Result<int16_t> ClientConnection::version_of(const wire::MessageDescriptor& request) const {
  const auto key = static_cast<wire::ApiKey>(request.key);
  const int16_t last = std::min(request.versions.last, wire::api_info(key).last_stable);
  return version_of(key, {.first = request.versions.first, .last = last});
}

Result<int16_t> ClientConnection::version_of(wire::ApiKey key, wire::VersionRange ours) const {
  for (const auto& theirs : versions_.api_keys) {
    if (theirs.api_key != static_cast<int16_t>(key)) continue;
    const int16_t newest = std::min(ours.last, theirs.max_version);
    if (newest >= std::max(ours.first, theirs.min_version)) return newest;
  }
  return fail(Errc::unsupported_version,
              "the broker at " + peer_.to_string() + " offers no version of " +
                  std::string(wire::api_name(key)) + " that this client knows");
}

// --- Calls ---

Task<Result<>> ClientConnection::enqueue(Scope& scope, Result<ByteChain> frame, Deadline deadline) {
  if (!frame) co_return std::unexpected(frame.error());
  while (!error_ && output_.held_bytes() > settings_.queued_bytes_max) {
    COVERED("rpc.client_queue_full");
    CO_CHECKED(co_await room_.wait(scope, deadline));
  }
  if (error_) co_return std::unexpected(*error_);
  output_.push(*std::move(frame));
  sending_.wake_one();
  co_return Result<>();
}

Task<Result<Bytes>> ClientConnection::exchange(Scope& scope, Result<ByteChain> frame, Outgoing what,
                                               Deadline deadline) {
  CO_CHECKED(co_await enqueue(scope, std::move(frame), deadline));
  Call call{.wait = Wait(scope, deadline), .result = std::nullopt};
  pending_.push_back({.what = what, .call = &call});
  const Result<> woken = co_await call.wait;
  if (call.result) co_return *std::move(call.result);
  CHECK(!woken);
  // Its answer may still come; the place in the order stays.
  COVERED("rpc.call_given_up");
  for (Pending& each : pending_) {
    if (each.call == &call) each.call = nullptr;
  }
  co_return std::unexpected(woken.error());
}

// --- The stream ---

Task<void> ClientConnection::write_requests() {
  while (!error_) {
    if (output_.empty()) {
      Wait wait(scope_, kNoDeadline);
      sending_.add(wait);
      if (!co_await wait) co_return;
      continue;
    }
    uint64_t count = 0;
    const Result<> sent = output_.write_to(*stream_, count);
    if (count > 0) room_.wake_all();
    if (sent) continue;
    if (sent.error().code != Errc::would_block) {
      end(sent.error());
      co_return;
    }
    Completion<Result<>> writable(shard_.executor());
    stream_->when_writable(writable);
    if (!co_await writable) co_return;
  }
}

Task<void> ClientConnection::read_responses() {
  const Result<> ended = co_await read_until_end();
  if (!ended) end(ended.error());
}

Task<Result<>> ClientConnection::read_until_end() {
  while (true) {
    {
      Completion<Result<>> readable(shard_.executor());
      stream_->when_readable(readable);
      CO_CHECKED(co_await readable);
    }
    const Result<size_t> count = stream_->read_some(frames_.prepare());
    frames_.received(count.value_or(0));
    if (!count && count.error().code == Errc::would_block) continue;
    if (!count) co_return std::unexpected(count.error());
    if (*count == 0) {
      co_return fail(Errc::connection_reset, peer_.to_string() + " closed the connection");
    }
    CO_CHECKED(take_frames());
  }
}

Result<> ClientConnection::take_frames() {
  while (true) {
    const Result<Bytes> frame = frames_.next();
    if (!frame && frame.error().code == Errc::would_block) return {};
    if (!frame) return std::unexpected(frame.error());
    CHECKED(take(*frame));
  }
}

Result<> ClientConnection::take(const Bytes& frame) {
  if (pending_.empty()) return fail(Errc::malformed, "an answer that was not asked for");
  const Pending next = pending_.front();
  TRY(const wire::ResponseFrame response,
      wire::parse_response(frame.view(), next.what.key, next.what.version));
  if (response.correlation_id != next.what.correlation_id && !mutant("rpc.ignore_correlation_id")) {
    return fail(Errc::malformed, "an answer to another request: correlation id " +
                                     std::to_string(response.correlation_id) + " instead of " +
                                     std::to_string(next.what.correlation_id));
  }
  pending_.pop_front();
  if (next.call == nullptr) return {};
  next.call->result = frame.slice_of(response.body);
  next.call->wait.wake();
  return {};
}

}  // namespace partita::rpc
