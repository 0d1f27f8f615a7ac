#pragma once
// One TCP connection of LinuxNet.

#include <optional>

#include "runtime/linux/descriptor.h"
#include "runtime/linux/loop.h"
#include "runtime/linux/socket_address.h"
#include "runtime/net.h"

namespace partita {

class SocketStream final : public Stream, private Loop::Watcher {
 public:
  SocketStream(Descriptor socket, const SocketAddress& peer);
  ~SocketStream() override;

  /// Makes the socket known to the loop. REQUIRED: once, before anything else.
  Result<> watch(Loop& loop);

  Result<size_t> read_some(ByteSpan into) override;
  Result<size_t> write_some(std::span<const ByteView> parts, bool more) override;
  void when_readable(Completion<Result<>>& done) override;
  void when_writable(Completion<Result<>>& done) override;
  void close() override;
  const Endpoint& local() const override;
  const Endpoint& peer() const override;

 private:
  void on_events(uint32_t epoll_events) override;

  Descriptor socket_;
  const SocketAddress peer_address_;
  bool readable_ = false;
  bool writable_ = true;
  bool hung_up_ =
      false;  // reads go on to the end of the stream or its error, even after a short one
  Completion<Result<>>* reader_ = nullptr;
  Completion<Result<>>* writer_ = nullptr;
  // Text forms, made when first asked for.
  mutable std::optional<Endpoint> local_;
  mutable std::optional<Endpoint> peer_;
};

}  // namespace partita
