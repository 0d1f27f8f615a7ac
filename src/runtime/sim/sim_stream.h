#pragma once
// SimConnection: the two ends of one simulated TCP connection and what is under way between them;
// SimStream: one end as the program that holds it sees it. The kernel's part goes on while a
// process is paused or dead.
//
// States of an end:
//   open -> closed   the program closed it, or its process died: later bytes for it are answered
//   with a reset open -> reset    a reset arrived or a fault struck: reading (after what was
//   received) and writing fail any  -> silent   the node lost power: nothing is answered before the
//   node is up again

#include <deque>
#include <memory>
#include <vector>

#include "base/check.h"
#include "runtime/net.h"
#include "runtime/sim/sim_net.h"

namespace partita::runtime::sim {

class SimProcess;

class SimConnection : public std::enable_shared_from_this<SimConnection> {
 public:
  enum End : size_t { kClient = 0, kServer = 1 };

  SimConnection(SimNet& net, SimShard& client, Endpoint client_at, SimShard& server,
                Endpoint server_at);
  SimConnection(const SimConnection&) = delete;

  const Endpoint& local(End end) const { return sides_[end].local; }
  SimNode& node(End end) const;
  bool between(const SimNode& a, const SimNode& b) const;
  bool waited_on(End end) const {
    return sides_[end].read_wait != 0 || sides_[end].write_wait != 0;
  }
  /// Whether a program holds at least one end.
  bool in_use() const { return sides_[0].open || sides_[1].open; }

  // What programs do.
  Result<size_t> read_some(End end, ByteSpan into);
  Result<size_t> write_some(End end, std::span<const ByteView> parts);
  void when_readable(End end, Completion<Result<>>& done);
  void when_writable(End end, Completion<Result<>>& done);
  void close(End end);

  // What the world does.
  void process_ended(const SimProcess& process, bool power_cut);
  /// This end fails; the other does not learn of it.
  void lose(End end);
  void lose_both();
  /// The node has power again: what was sent to it meanwhile, and resent since, is answered with a
  /// reset.
  void powered_up(const SimNode& node);
  /// Lets what waited behind a cut go on.
  void healed();

 private:
  enum class What : uint8_t { data, end_of_stream, reset, credit };
  struct Segment {
    Instant arrives;
    What what = What::data;
    std::vector<uint8_t> bytes = {};
    uint64_t credit = 0;  ///< bytes that the reader has taken
  };
  struct Side {
    SimShard* shard = nullptr;
    Endpoint local;
    bool open = true;
    bool reset = false;
    bool end_of_stream = false;
    bool unanswered = false;  ///< bytes arrived while the node had no power
    std::vector<uint8_t> inbox = {};
    size_t inbox_read = 0;
    uint64_t read_wait = 0;  // operations of the process, 0 for none
    uint64_t write_wait = 0;
    // On the way from this side to the other.
    std::deque<Segment> wire = {};
    bool pumping = false;
    bool held = false;    // by a cut
    uint64_t unread = 0;  // bytes sent that the other side has not read, as far as this side knows
  };

  static End other(End end) { return end == kClient ? kServer : kClient; }
  bool usable(const Side& side) const;
  size_t unread_inbox(const Side& side) const { return side.inbox.size() - side.inbox_read; }
  bool readable(const Side& side) const;
  void wait(End end, uint64_t& slot, bool ready, Completion<Result<>>& done);
  void wake(Side& side, uint64_t& slot);
  void wake_both(Side& side);
  void send(End from, Segment segment);
  void send_bytes(End from, std::span<const ByteView> parts, size_t count);
  void schedule_pump(End from, Instant when);
  void pump(End from);
  void deliver(End to, Segment segment);
  void answer_with_reset(End end);
  void end_by_program(End end);

  SimNet& net_;
  Side sides_[2];
};

class SimStream final : public Stream {
 public:
  SimStream(std::shared_ptr<SimConnection> connection, SimConnection::End end)
      : connection_(std::move(connection)), end_(end) {}
  ~SimStream() override {
    CHECK(!connection_->waited_on(end_));
    close();
  }

  Result<size_t> read_some(ByteSpan into) override { return connection_->read_some(end_, into); }
  Result<size_t> write_some(std::span<const ByteView> parts, bool) override {
    return connection_->write_some(end_, parts);
  }
  void when_readable(Completion<Result<>>& done) override {
    connection_->when_readable(end_, done);
  }
  void when_writable(Completion<Result<>>& done) override {
    connection_->when_writable(end_, done);
  }
  void close() override { connection_->close(end_); }
  const Endpoint& local() const override { return connection_->local(end_); }
  const Endpoint& peer() const override {
    return connection_->local(end_ == SimConnection::kClient ? SimConnection::kServer
                                                             : SimConnection::kClient);
  }

 private:
  const std::shared_ptr<SimConnection> connection_;
  const SimConnection::End end_;
};

}  // namespace partita::runtime::sim
