#include "runtime/sim/sim_net.h"

#include <algorithm>

#include "base/check.h"
#include "base/fault_points.h"
#include "runtime/sim/sim_stream.h"
#include "runtime/sim/world.h"

namespace partita::runtime::sim {

namespace {

constexpr uint16_t kFirstEphemeralPort = 32768;

bool is_loopback(const std::string& address) {
  return address == "127.0.0.1" || address == "::1";
}
bool is_wildcard(const std::string& address) {
  return address == "0.0.0.0" || address == "::";
}
bool is_numeric(std::string_view host) {
  return host.find(':') != std::string_view::npos ||
         (!host.empty() && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

}  // namespace

/// An address that a shard listens on, and who waits there.
class SimListener final : public Listener {
 public:
  SimListener(SimNet& net, SimShard& shard, Endpoint at, bool shared)
      : net_(net), shard_(shard), at_(std::move(at)), shared_(shared) {
    net_.listeners_.push_back(this);
  }
  ~SimListener() override {
    CHECK(accepting_ == 0);
    close();
  }

  void start_accept(Completion<Result<std::unique_ptr<Stream>>>& done) override;
  void close() override;
  const Endpoint& local() const override { return at_; }

  SimShard& shard() { return shard_; }
  bool is_at(const SimNode& node, uint16_t port) const {
    return &shard_.node() == &node && at_.port == port;
  }
  bool shared() const { return shared_; }
  bool full() const { return waiting_.size() >= net_.options_.backlog; }
  void arrived(std::unique_ptr<Stream> stream);

 private:
  std::unique_ptr<Stream> take();

  SimNet& net_;
  SimShard& shard_;
  const Endpoint at_;
  const bool shared_;
  bool closed_ = false;
  uint64_t accepting_ = 0;  // an operation of the process
  std::deque<std::unique_ptr<Stream>> waiting_;
};

std::unique_ptr<Stream> SimListener::take() {
  std::unique_ptr<Stream> first = std::move(waiting_.front());
  waiting_.pop_front();
  return first;
}

void SimListener::start_accept(Completion<Result<std::unique_ptr<Stream>>>& done) {
  if (closed_ || !shard_.process().alive()) return done.complete(fail(Errc::stopped));
  if (!waiting_.empty()) return done.complete(take());
  CHECK(accepting_ == 0);
  accepting_ = shard_.process().begin([this, &done](bool stopped) {
    accepting_ = 0;
    if (stopped) return done.complete(fail(Errc::stopped));
    done.complete(take());
  });
}

void SimListener::arrived(std::unique_ptr<Stream> stream) {
  waiting_.push_back(std::move(stream));
  if (accepting_ != 0) shard_.process().finish(accepting_);
}

void SimListener::close() {
  if (closed_) return;
  closed_ = true;
  std::erase(net_.listeners_, this);
  if (accepting_ != 0) shard_.process().stop(accepting_);
  waiting_.clear();
}

/// One connect under way.
struct SimNet::Attempt {
  SimShard& from;
  const Endpoint to;
  const Instant give_up;
  uint64_t operation = 0;
  Result<std::unique_ptr<Stream>> result = fail(Errc::connection_reset);

  void finish() { from.process().finish(operation); }
};

SimNet::SimNet(SimWorld& world, const NetOptions& options, SimRandom random)
    : world_(world), options_(options), random_(random) {}

SimNet::~SimNet() = default;

void SimNet::set_host(std::string host, std::vector<std::string> addresses) {
  if (addresses.empty()) {
    hosts_.erase(host);
  } else {
    hosts_[std::move(host)] = std::move(addresses);
  }
}

SimNet::Link SimNet::link(const SimNode& from, const SimNode& to) const {
  return {from.index(), to.index()};
}

void SimNet::cut(SimNode& from, SimNode& to) {
  cuts_.insert(link(from, to));
}

void SimNet::cut_both(SimNode& a, SimNode& b) {
  cut(a, b);
  cut(b, a);
}

void SimNet::isolate(SimNode& node) {
  for (size_t i = 0; i < world_.node_count(); i++) {
    if (i != node.index()) cut_both(node, world_.node(i));
  }
}

void SimNet::heal(SimNode& from, SimNode& to) {
  cuts_.erase(link(from, to));
  for (const auto& weak : connections_) {
    if (const auto connection = weak.lock()) connection->healed();
  }
}

void SimNet::heal_all() {
  cuts_.clear();
  for (const auto& weak : connections_) {
    if (const auto connection = weak.lock()) connection->healed();
  }
}

bool SimNet::is_cut(const SimNode& from, const SimNode& to) const {
  return cuts_.contains(link(from, to));
}

void SimNet::set_delay(SimNode& from, SimNode& to, Latency delay) {
  delays_[link(from, to)] = delay;
}

Duration SimNet::delay(const SimNode& from, const SimNode& to) {
  if (&from == &to) return options_.loopback.draw(random_);
  const auto own = delays_.find(link(from, to));
  return (own == delays_.end() ? options_.delay : own->second).draw(random_);
}

void SimNet::reset(SimNode& a, SimNode& b) {
  for (const auto& weak : connections_) {
    const auto connection = weak.lock();
    if (connection && connection->between(a, b)) connection->lose_both();
  }
}

void SimNet::half_open(SimNode& unaware, SimNode& gone) {
  for (const auto& weak : connections_) {
    const auto connection = weak.lock();
    if (!connection || !connection->between(unaware, gone)) continue;
    const bool client_gone = &connection->node(SimConnection::kClient) == &gone;
    connection->lose(client_gone ? SimConnection::kClient : SimConnection::kServer);
  }
}

size_t SimNet::connection_count() const {
  return static_cast<size_t>(std::ranges::count_if(connections_, [](const auto& weak) {
    const auto connection = weak.lock();
    return connection && connection->in_use();
  }));
}

void SimNet::forget_dead() {
  std::erase_if(connections_, [](const auto& weak) { return weak.expired(); });
}

SimNode* SimNet::node_at(SimNode& from, const std::string& address) {
  if (is_loopback(address)) return &from;
  for (size_t i = 0; i < world_.node_count(); i++) {
    if (world_.node(i).address() == address) return &world_.node(i);
  }
  return nullptr;
}

/// One of those that listen there, drawn where several share it.
SimListener* SimNet::pick_listener(SimNode& node, const Endpoint& at) {
  std::vector<SimListener*> found;
  for (SimListener* listener : listeners_) {
    const std::string& address = listener->local().address;
    const bool here = address == at.address || is_wildcard(address);
    if (here && listener->is_at(node, at.port) && listener->shard().process().alive())
      found.push_back(listener);
  }
  return found.empty() ? nullptr : found[random_.below(found.size())];
}

bool SimNet::taken(SimNode& node, const Endpoint& at, bool shared) const {
  return std::ranges::any_of(listeners_, [&](const SimListener* listener) {
    const std::string& address = listener->local().address;
    const bool overlap = address == at.address || is_wildcard(address) || is_wildcard(at.address);
    return overlap && listener->is_at(node, at.port) && !(shared && listener->shared());
  });
}

uint16_t SimNet::next_port(SimNode& node) {
  uint16_t& last = ports_[node.index()];
  last = last < kFirstEphemeralPort || last == UINT16_MAX ? kFirstEphemeralPort : last + 1;
  return last;
}

/// The first packet has reached the other node, or nothing.
void SimNet::attempt_connect(std::shared_ptr<Attempt> attempt) {
  SimNode& from = attempt->from.node();
  if (!attempt->from.process().alive()) return;
  SimNode* to = node_at(from, attempt->to.address);
  if (to && (is_cut(from, *to) || is_cut(*to, from) || !to->powered()))
    return retry_connect(attempt);
  SimListener* listener = to ? pick_listener(*to, attempt->to) : nullptr;
  if (!listener) {
    attempt->result = fail(Errc::connection_reset, "refused by " + attempt->to.to_string());
  } else if (listener->full()) {
    COVERED("sim.net.backlog_full");
    return retry_connect(attempt);
  } else {
    establish(attempt, *to, *listener);
  }
  const Duration back = to ? delay(*to, from) : options_.delay.draw(random_);
  world_.schedule(world_.now() + back, nullptr, EventKind::net, attempt->operation,
                  [attempt] { attempt->finish(); });
}

void SimNet::establish(const std::shared_ptr<Attempt>& attempt, SimNode& to,
                       SimListener& listener) {
  SimNode& from = attempt->from.node();
  const Endpoint client{&from == &to ? attempt->to.address : from.address(), next_port(from)};
  auto connection =
      std::make_shared<SimConnection>(*this, attempt->from, client, listener.shard(), attempt->to);
  forget_dead();
  connections_.push_back(connection);
  attempt->result = std::make_unique<SimStream>(connection, SimConnection::kClient);
  listener.arrived(std::make_unique<SimStream>(connection, SimConnection::kServer));
}

void SimNet::retry_connect(std::shared_ptr<Attempt> attempt) {
  const Instant next = world_.now() + options_.connect_retry;
  if (next > attempt->give_up) {
    attempt->result = fail(Errc::connection_reset, attempt->to.to_string() + " does not answer");
    return attempt->finish();
  }
  world_.schedule(next, nullptr, EventKind::net, attempt->operation,
                  [this, attempt] { attempt_connect(attempt); });
}

void SimNet::process_ended(SimNode& node, bool power_cut) {
  for (const auto& weak : connections_) {
    if (const auto connection = weak.lock()) connection->process_ended(node.process(), power_cut);
  }
  std::erase_if(listeners_,
                [&](SimListener* listener) { return &listener->shard().node() == &node; });
}

void SimNet::powered_up(SimNode& node) {
  for (const auto& weak : connections_) {
    if (const auto connection = weak.lock()) connection->powered_up(node);
  }
}

Result<std::unique_ptr<Listener>> SimShardNet::listen(const Endpoint& at, bool shared) {
  SimNode& node = shard_.node();
  if (!shard_.process().alive()) return fail(Errc::stopped);
  const bool own =
      at.address == node.address() || is_loopback(at.address) || is_wildcard(at.address);
  if (!own) return fail(Errc::invalid_argument, at.to_string() + " is no address of this node");
  Endpoint bound = at;
  while (at.port == 0 && (bound.port == 0 || net_.taken(node, bound, false)))
    bound.port = net_.next_port(node);
  if (net_.taken(node, bound, shared)) return fail(Errc::already_exists, at.to_string());
  return std::make_unique<SimListener>(net_, shard_, bound, shared);
}

void SimShardNet::start_connect(const Endpoint& to,
                                Completion<Result<std::unique_ptr<Stream>>>& done) {
  SimWorld& world = net_.world_;
  auto attempt =
      std::make_shared<SimNet::Attempt>(shard_, to, world.now() + net_.options_.connect_limit);
  attempt->operation = shard_.process().begin([attempt, &done](bool stopped) {
    done.complete(stopped ? Result<std::unique_ptr<Stream>>(fail(Errc::stopped))
                          : std::move(attempt->result));
  });
  if (attempt->operation == 0) return;
  const SimNode* there = net_.node_at(shard_.node(), to.address);
  const Duration way =
      there ? net_.delay(shard_.node(), *there) : net_.options_.delay.draw(net_.random_);
  world.schedule(world.now() + way, nullptr, EventKind::net, attempt->operation,
                 [&net = net_, attempt] { net.attempt_connect(attempt); });
}

void SimShardNet::start_resolve(std::string_view host,
                                Completion<Result<std::vector<std::string>>>& done) {
  SimProcess& process = shard_.process();
  const bool fails = chance(net_.random_, net_.options_.resolve_error_one_in);
  const uint64_t id =
      process.begin([&net = net_, fails, host = std::string(host), &done](bool stopped) {
        if (stopped) return done.complete(fail(Errc::stopped));
        if (fails) return done.complete(fail(Errc::io_error, "the name server does not answer"));
        if (is_numeric(host)) return done.complete(std::vector{host});
        if (host == "localhost") return done.complete(std::vector<std::string>{"127.0.0.1"});
        const auto found = net.hosts_.find(host);
        if (found == net.hosts_.end()) return done.complete(fail(Errc::not_found, host));
        done.complete(found->second);
      });
  if (id == 0) return;
  net_.world_.schedule(net_.world_.now() + net_.options_.resolve.draw(net_.random_), &shard_,
                       EventKind::net, id, [&process, id] { process.finish(id); });
}

}  // namespace partita::runtime::sim
