#pragma once
// The network seam over TCP sockets. One per shard.
//
// Invariants:
//  1. A socket is registered once, edge-triggered for both directions; readiness is remembered in
//     two bits that a short read or write clears. So a wait costs no system call, and reading what
//     is there costs one.
//  2. A connection attempt ends within kConnectTimeout.
//  3. Out of descriptors, a listener answers limit_exceeded once and then waits kAcceptPause before
//     it tries again.

#include <list>
#include <memory>

#include "runtime/linux/helper_pool.h"
#include "runtime/linux/loop.h"
#include "runtime/net.h"

namespace partita {

inline constexpr Duration kConnectTimeout = 10s;  // Kafka's socket.connection.setup.timeout.ms
inline constexpr Duration kAcceptPause = 100ms;

class Connecting;

class LinuxNet final : public Net {
 public:
  LinuxNet(Loop& loop, HelperPool& helpers);
  /// REQUIRED: no connection attempt is under way.
  ~LinuxNet() override;

  Result<std::unique_ptr<Listener>> listen(const Endpoint& at, bool shared) override;
  void start_connect(const Endpoint& to,
                     Completion<Result<std::unique_ptr<Stream>>>& done) override;
  /// Numeric addresses answer themselves and "localhost" both loopbacks, IPv4 first; the rest goes
  /// to the resolver.
  void start_resolve(std::string_view host,
                     Completion<Result<std::vector<std::string>>>& done) override;

 private:
  friend class Connecting;

  Loop& loop_;
  HelperPool& helpers_;
  std::list<std::unique_ptr<Connecting>> connecting_;
};

}  // namespace partita
