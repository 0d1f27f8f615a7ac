#pragma once
// SimNet: the network between simulated nodes: byte streams that arrive split anywhere, late, in
// order per stream. SimShardNet is the Net seam that one shard sees of it.
//
// What can go wrong: delays with long tails, per link too; cuts of one direction (what is under way
// waits, as TCP resends, and arrives after heal()); connects that are refused, or that time out
// where the node is without power, cut off or its backlog is full; resets that lose what was under
// way; half-open connections, where one end is gone and the other does not know; a window, so that
// writing answers would_block while the peer does not read.
//
// Invariants:
//  1. What one side reads is a prefix of what the other wrote; end of stream comes only after all
//     of it.
//  2. A stream whose side closes with unread bytes, or that gets bytes after closing, resets its
//     peer (as TCP does).
//  3. Bytes under way and unread in one direction are at most window_bytes.

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "runtime/net.h"
#include "runtime/sim/sim_random.h"

namespace partita::runtime::sim {

class SimWorld;
class SimNode;
class SimShard;
class SimConnection;
class SimListener;

struct NetOptions {
  Latency delay = {.least = 20us, .most = 300us, .tail_one_in = 200, .tail = 20ms};
  Latency loopback = {.least = 2us, .most = 30us, .tail_one_in = 500, .tail = 1ms};
  Latency resolve = {.least = 50us, .most = 5ms, .tail_one_in = 50, .tail = 200ms};
  uint64_t window_bytes = 64 * 1024;
  uint32_t split_one_in = 3;     ///< a write is split, or taken in part, about once in so many
  Duration per_kibibyte = 1us;   ///< what a link needs to pass 1 KiB
  size_t backlog = 128;          ///< connections that wait to be accepted
  Duration connect_retry = 1s;   ///< how often an unanswered connect tries again
  Duration connect_limit = 20s;  ///< and when it gives up, with connection_reset
  uint32_t reset_one_in = 0;     ///< of chunks that arrive: the connection is reset instead
  uint32_t resolve_error_one_in = 0;
};

class SimNet {
 public:
  SimNet(SimWorld& world, const NetOptions& options, SimRandom random);
  ~SimNet();
  SimNet(const SimNet&) = delete;

  NetOptions& options() { return options_; }
  /// Makes `host` resolvable to numeric addresses; none removes it.
  void set_host(std::string host, std::vector<std::string> addresses);

  // Links, by direction. What is under way on a cut link waits for heal.
  void cut(SimNode& from, SimNode& to);
  void cut_both(SimNode& a, SimNode& b);
  /// Cuts a node from all others, both ways.
  void isolate(SimNode& node);
  void heal(SimNode& from, SimNode& to);
  void heal_all();
  bool is_cut(const SimNode& from, const SimNode& to) const;
  void set_delay(SimNode& from, SimNode& to, Latency delay);

  /// Resets every connection between two nodes: both ends see it, what was under way is lost.
  void reset(SimNode& a, SimNode& b);
  /// The ends on `gone` vanish; those on `unaware` notice when they next send.
  void half_open(SimNode& unaware, SimNode& gone);
  /// Connections with at least one living end.
  size_t connection_count() const;

 private:
  friend class SimConnection;
  friend class SimListener;
  friend class SimStream;
  friend class SimShardNet;
  friend class SimNode;
  struct Attempt;
  using Link = std::pair<uint32_t, uint32_t>;  // node indexes, from and to

  Link link(const SimNode& from, const SimNode& to) const;
  Duration delay(const SimNode& from, const SimNode& to);
  SimNode* node_at(SimNode& from, const std::string& address);
  SimListener* pick_listener(SimNode& node, const Endpoint& at);
  bool taken(SimNode& node, const Endpoint& at, bool shared) const;
  void attempt_connect(std::shared_ptr<Attempt> attempt);
  void establish(const std::shared_ptr<Attempt>& attempt, SimNode& to, SimListener& listener);
  void retry_connect(std::shared_ptr<Attempt> attempt);
  void process_ended(SimNode& node, bool power_cut);
  void powered_up(SimNode& node);
  void forget_dead();
  uint16_t next_port(SimNode& node);

  SimWorld& world_;
  NetOptions options_;
  SimRandom random_;
  std::map<std::string, std::vector<std::string>> hosts_;
  std::set<Link> cuts_;
  std::map<Link, Latency> delays_;
  std::vector<std::weak_ptr<SimConnection>> connections_;
  std::vector<SimListener*> listeners_;
  std::map<uint32_t, uint16_t> ports_;  // by node: the last one given out
};

class SimShardNet final : public Net {
 public:
  SimShardNet(SimNet& net, SimShard& shard) : net_(net), shard_(shard) {}

  Result<std::unique_ptr<Listener>> listen(const Endpoint& at, bool shared) override;
  void start_connect(const Endpoint& to,
                     Completion<Result<std::unique_ptr<Stream>>>& done) override;
  void start_resolve(std::string_view host,
                     Completion<Result<std::vector<std::string>>>& done) override;

 private:
  SimNet& net_;
  SimShard& shard_;
};

}  // namespace partita::runtime::sim
