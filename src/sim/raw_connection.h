#pragma once
// RawConnection: a socket for probes: writes any bytes, reads whole frames or the end. Lives for
// kLifeMax at the most: then its socket closes and what waits gets an Error.
//
// Invariant: REQUIRED: close() has been awaited before destruction.

#include <memory>
#include <optional>

#include "base/bytes.h"
#include "runtime/net.h"
#include "runtime/scope.h"
#include "runtime/shard.h"
#include "wire/frame.h"

namespace partita::sim {

class RawConnection {
 public:
  static constexpr Duration kLifeMax = std::chrono::seconds(8);

  static Task<Result<std::unique_ptr<RawConnection>>> connect(Shard& shard, Endpoint to);
  RawConnection(Shard& shard, std::unique_ptr<Stream> stream);
  ~RawConnection();
  RawConnection(const RawConnection&) = delete;

  Task<Result<>> write(Bytes bytes);
  /// The next frame without its length; nothing where the broker has closed the connection in order
  /// or by a reset.
  Task<Result<std::optional<Bytes>>> read_frame();
  Task<void> close();

  /// A request and the body of its answer.
  template <class Request>
  Task<Result<Bytes>> ask(Request request, int16_t version) {
    const int32_t id = next_id_++;
    CO_TRY(const ByteChain frame, wire::encode_request(request, version, id, "prober"));
    CO_CHECKED(co_await write(joined(frame)));
    co_return co_await answer(static_cast<wire::ApiKey>(Request::descriptor().key), version, id);
  }
  Task<Result<Bytes>> answer(wire::ApiKey key, int16_t version, int32_t id);

  static Bytes joined(const ByteChain& chain);

 private:
  Task<void> end_in_time();
  Task<Result<>> fill(size_t size);

  Shard& shard_;
  const std::unique_ptr<Stream> stream_;
  Scope scope_;
  std::vector<uint8_t> received_;
  bool ended_ = false;
  int32_t next_id_ = 100;
};

}  // namespace partita::sim
