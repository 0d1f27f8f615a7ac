#pragma once
// One listening socket of LinuxNet.

#include "runtime/linux/descriptor.h"
#include "runtime/linux/loop.h"
#include "runtime/net.h"
#include "runtime/timers.h"

namespace partita {

class SocketListener final : public Listener, private Loop::Watcher, private Timer {
 public:
  SocketListener(Loop& loop, Descriptor socket, Endpoint local);
  ~SocketListener() override;

  /// REQUIRED: once, before anything else.
  Result<> watch();

  void start_accept(Completion<Result<std::unique_ptr<Stream>>>& done) override;
  void close() override;
  const Endpoint& local() const override { return local_; }

 private:
  void on_events(uint32_t epoll_events) override;
  void fire() override { try_accept(); }
  void try_accept();
  void answer(Result<std::unique_ptr<Stream>> result);
  Result<std::unique_ptr<Stream>> accept_one();

  Loop& loop_;
  Descriptor socket_;
  const Endpoint local_;
  bool ready_ = true;
  Instant paused_until_;
  Completion<Result<std::unique_ptr<Stream>>>* waiting_ = nullptr;
};

}  // namespace partita
