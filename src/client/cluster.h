#pragma once
// Cluster: a client's way to the brokers: connections by address, metadata of the topics that were
// asked for, requests to a node or to anybody. Producer, Consumer and Admin share one or have one
// each. Belongs to one shard and its owner there.
//
// Invariants:
//  1. One connection an address; it is closed when it fails, or when a request on it passes
//     request_timeout, and made again when it is next needed.
//  2. Metadata of a topic never goes back to an older leader epoch of the same topic id.
//  3. ask() tries once: who may try again, and when, is its caller's business.
//  4. Waits end with the scope that the caller gave. REQUIRED: close() has been awaited before
//     destruction, and every call of others has returned before that.

#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/log.h"
#include "client/cluster_settings.h"
#include "client/retry.h"
#include "client/topic_view.h"
#include "rpc/client_connection.h"
#include "runtime/scope.h"
#include "runtime/shard.h"

namespace partita::client {

/// For requests that every broker answers.
inline constexpr NodeId kAnyNode{-1};

/// A response's body, and the version that it is in.
struct Answer {
  Bytes body;
  int16_t version = 0;
};

struct BrokerView {
  NodeId id;
  BrokerAddress address;
  std::optional<std::string> rack;
};

class Cluster {
 public:
  Cluster(Shard& shard, ClusterSettings settings, Log log);
  ~Cluster();
  Cluster(const Cluster&) = delete;

  Shard& shard() { return shard_; }
  const ClusterSettings& settings() const { return settings_; }
  const Log& log() const { return log_; }
  Backoff backoff() {
    return Backoff(settings_.retry_backoff, settings_.retry_backoff_max, shard_.random());
  }
  /// Ends the connections. Returns when nothing of it runs.
  Task<void> close();

  /// One request to one node, or to kAnyNode: connects where needed. The newest version that both
  /// sides know is used, `version_max` at most. `patience` stands for request_timeout where the
  /// broker may take longer by its nature.
  template <class Request>
  Task<Result<Answer>> ask(Scope& scope, NodeId node, Request request, Deadline deadline,
                           int16_t version_max = INT16_MAX, Duration patience = 0ms) {
    CO_TRY(const Lease lease, co_await lease_node(scope, node, deadline));
    CO_TRY(const int16_t version, lease.version_for(Request::descriptor(), version_max));
    const Duration longest = std::max(patience, settings_.request_timeout);
    const Deadline limit = std::min(deadline, shard_.now() + longest);
    Result<Bytes> body = co_await lease.connection().call(scope, request, version, limit);
    if (!body) {
      if (is_connection_error(body.error().code)) retire(lease.link());
      co_return std::unexpected(std::move(body).error());
    }
    co_return Answer{.body = std::move(*body), .version = version};
  }
  /// A request without an answer: returns when it is queued.
  template <class Request>
  Task<Result<>> tell(Scope& scope, NodeId node, Request request, Deadline deadline) {
    CO_TRY(const Lease lease, co_await lease_node(scope, node, deadline));
    CO_TRY(const int16_t version, lease.version_for(Request::descriptor(), INT16_MAX));
    co_return co_await lease.connection().send_only(scope, request, version, deadline);
  }

  // --- Metadata ---
  /// What is known, without asking; null where nothing is.
  TopicPtr known_topic(std::string_view name) const;
  /// Answers what is known of a topic that has partitions; else asks until it has, or the deadline
  /// passes. A topic that is not there is asked for again until then: it may be about to be
  /// created. Errors that no waiting mends come at once.
  Task<Result<TopicPtr>> topic(Scope& scope, std::string name, Deadline deadline);
  /// From now on refresh() asks about the topic too.
  void follow(const std::string& name) { followed_.insert(name); }
  /// Asks once about the topics that are followed; those who ask meanwhile share the answer.
  Task<Result<>> refresh(Scope& scope, Deadline deadline);
  /// Asks about every topic of the cluster, once; they are not followed. By name.
  Task<Result<std::vector<TopicPtr>>> all_topics(Scope& scope, Deadline deadline);
  /// Whether what is known of the followed topics is older than metadata_max_age.
  bool is_stale() const;
  /// The leader that a response hinted at (KIP-951), where its epoch is newer.
  void learn_leader(const TopicPartition& partition, NodeId leader, LeaderEpoch epoch);
  void learn_broker(BrokerView broker);
  bool knows_broker(NodeId node) const { return brokers_.contains(node); }

 private:
  /// One address: its connection, or the attempt to have one.
  struct Link {
    BrokerAddress address;
    std::unique_ptr<rpc::ClientConnection> connection;
    size_t uses = 0;
    bool connecting = false;
    bool retired = false;
    WaitQueue changed;
  };
  /// Keeps a link where it is while it is used.
  class Lease {
   public:
    explicit Lease(Link& link) : link_(&link) { link_->uses++; }
    Lease(Lease&& other) noexcept : link_(std::exchange(other.link_, nullptr)) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (link_ != nullptr && --link_->uses == 0) link_->changed.wake_all();
    }
    Link& link() const { return *link_; }
    rpc::ClientConnection& connection() const { return *link_->connection; }
    Result<int16_t> version_for(const wire::MessageDescriptor& request, int16_t version_max) const;

   private:
    Link* link_;
  };

  Task<Result<Lease>> lease_node(Scope& scope, NodeId node, Deadline deadline);
  Task<Result<Lease>> lease_any(Scope& scope, Deadline deadline);
  Task<Result<Lease>> lease_address(Scope& scope, BrokerAddress address, Deadline deadline);
  Task<Result<>> connect(Scope& scope, Link& link, Deadline deadline);
  Link& link_at(const BrokerAddress& address);
  void retire(Link& link);
  Task<void> reap(Link& link);

  Task<Result<>> ask_metadata(Scope& scope, Deadline deadline);
  /// Into `all` where it is given, else into what is known.
  Result<> take_metadata(const Answer& answer, std::vector<TopicPtr>* all);
  TopicPtr merged(TopicView topic) const;

  Shard& shard_;
  const ClusterSettings settings_;
  Log log_;
  Scope scope_;
  std::list<std::unique_ptr<Link>> links_;
  std::map<NodeId, BrokerView> brokers_;
  std::map<std::string, TopicPtr, std::less<>> topics_;
  std::set<std::string, std::less<>> followed_;
  std::optional<Instant> metadata_time_;
  bool refreshing_ = false;
  uint64_t refresh_count_ = 0;
  Result<> last_refresh_;
  WaitQueue refreshed_;
};

}  // namespace partita::client
