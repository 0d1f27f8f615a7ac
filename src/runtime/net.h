#pragma once
// The network seam: byte streams, non-blocking. Reading and writing are plain calls that answer
// would_block; waiting for readiness takes a Completion in the caller's frame. An idle stream holds
// no buffer.
//
// Belongs to one shard. At most one wait for reading and one for writing at a time on a stream.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/time.h"
#include "runtime/completion.h"
#include "runtime/task.h"

namespace partita {

/// Numeric address and port. IPv6 addresses without brackets.
struct Endpoint {
  std::string address;
  uint16_t port = 0;

  bool operator==(const Endpoint&) const = default;
  /// "127.0.0.1:9092", "[::1]:9092".
  std::string to_string() const;
};

class Stream {
 public:
  /// Closes; waits must have completed.
  virtual ~Stream() = default;
  /// The count read; 0 when the peer has closed its side. would_block, connection_reset.
  virtual Result<size_t> read_some(ByteSpan into) = 0;
  /// The count taken, at least 1. would_block, connection_reset. `more` hints that further bytes
  /// follow at once.
  virtual Result<size_t> write_some(std::span<const ByteView> parts, bool more = false) = 0;
  /// Completes when read_some would not block; with stopped after close().
  virtual void when_readable(Completion<Result<>>& done) = 0;
  virtual void when_writable(Completion<Result<>>& done) = 0;
  /// Ends both directions; pending and later waits complete with stopped. Idempotent.
  virtual void close() = 0;
  virtual const Endpoint& local() const = 0;
  virtual const Endpoint& peer() const = 0;
};

class Listener {
 public:
  virtual ~Listener() = default;
  /// Completes with the next connection; stopped after close(); io_error and limit_exceeded (file
  /// descriptors) may pass.
  virtual void start_accept(Completion<Result<std::unique_ptr<Stream>>>& done) = 0;
  virtual void close() = 0;
  /// The port is the real one where 0 was asked for.
  virtual const Endpoint& local() const = 0;
};

class Net {
 public:
  virtual ~Net() = default;
  /// already_exists where the address is taken. `shared`: several shards listen on the one address,
  /// the kernel spreads.
  virtual Result<std::unique_ptr<Listener>> listen(const Endpoint& at, bool shared = false) = 0;
  virtual void start_connect(const Endpoint& to,
                             Completion<Result<std::unique_ptr<Stream>>>& done) = 0;
  /// Numeric addresses of a host name, not_found where there are none.
  virtual void start_resolve(std::string_view host,
                             Completion<Result<std::vector<std::string>>>& done) = 0;
};

}  // namespace partita
