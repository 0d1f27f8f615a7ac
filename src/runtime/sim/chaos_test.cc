// A small program under every fault at once: what the world promises whatever strikes. Echo servers
// that note each request in a synced file, clients that reconnect for ever, and a scenario drawn
// from the seed.

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "runtime/scope.h"
#include "runtime/sim/world.h"

namespace partita::runtime::sim {
namespace {

using StreamResult = Result<std::unique_ptr<Stream>>;

Task<Result<>> readable(Shard& shard, Stream& stream) {
  Completion<Result<>> done(shard.executor());
  stream.when_readable(done);
  co_return co_await done;
}

Task<Result<>> send_all(Shard& shard, Stream& stream, std::string text) {
  ByteView left = as_bytes(text);
  while (!left.empty()) {
    const Result<size_t> sent = stream.write_some(std::span(&left, 1));
    if (sent) {
      left = left.subspan(*sent);
      continue;
    }
    if (sent.error().code != Errc::would_block) co_return std::unexpected(sent.error());
    Completion<Result<>> done(shard.executor());
    stream.when_writable(done);
    CO_CHECKED(co_await done);
  }
  co_return Result<>();
}

/// The next bytes; end_of_stream where the peer closed.
Task<Result<std::string>> receive_some(Shard& shard, Stream& stream) {
  uint8_t some[200];
  while (true) {
    const Result<size_t> got = stream.read_some(some);
    if (got && *got == 0) co_return fail(Errc::end_of_stream);
    if (got) co_return std::string(as_text(ByteView(some, *got)));
    if (got.error().code != Errc::would_block) co_return std::unexpected(got.error());
    CO_CHECKED(co_await readable(shard, stream));
  }
}

/// Streams that stop() must end, since waits on them do not end with the scope.
class OpenStreams {
 public:
  void add(Stream& stream) { open_.push_back(&stream); }
  void remove(Stream& stream) { std::erase(open_, &stream); }
  void close_all() {
    for (Stream* stream : open_) stream->close();
  }

 private:
  std::vector<Stream*> open_;  // in order: pointers differ from run to run
};

class EchoServer {
 public:
  explicit EchoServer(SimNode& node) : shard_(node.shard()), scope_(shard_) {
    listener_ = shard_.net().listen({node.address(), 9092}).value();
    scope_.spawn(accept_all());
  }
  Shard& shard() { return shard_; }
  Task<void> stop() {
    scope_.close();
    listener_->close();
    streams_.close_all();
    co_await scope_.join();
  }

 private:
  Task<void> accept_all() {
    while (!scope_.closed()) {
      Completion<StreamResult> done(shard_.executor());
      listener_->start_accept(done);
      StreamResult stream = co_await done;
      if (!stream) co_return;
      scope_.spawn(serve(std::move(*stream)));
    }
  }
  Task<void> serve(std::unique_ptr<Stream> stream) {
    streams_.add(*stream);
    while (true) {
      Result<std::string> got = co_await receive_some(shard_, *stream);
      if (!got || !co_await note(*got) || !co_await send_all(shard_, *stream, *got)) break;
    }
    streams_.remove(*stream);
  }
  Task<Result<>> note(std::string text) {
    CO_TRY(auto file, shard_.disk().open("/requests", OpenMode::create_or_open));
    CO_TRY(const uint64_t size, file->size());
    CO_CHECKED(file->write(size, as_bytes(text)));
    co_return co_await sync(shard_.executor(), *file);
  }

  Shard& shard_;
  Scope scope_;
  OpenStreams streams_;
  std::unique_ptr<Listener> listener_;
};

class EchoClient {
 public:
  EchoClient(SimNode& node, Endpoint server)
      : shard_(node.shard()), scope_(shard_), server_(server) {
    scope_.spawn(talk());
  }
  uint64_t answered() const { return answered_; }
  Shard& shard() { return shard_; }
  Task<void> stop() {
    scope_.close();
    streams_.close_all();
    co_await scope_.join();
  }

 private:
  Task<void> talk() {
    while (!scope_.closed()) {
      Completion<StreamResult> done(shard_.executor());
      shard_.net().start_connect(server_, done);
      StreamResult stream = co_await done;
      if (stream) {
        streams_.add(**stream);
        // A connection that stays silent is given up, as every program that meets half-open ends
        // must.
        scope_.spawn(give_up(**stream, ++connection_));
        while (co_await sleep_for(scope_, Duration(shard_.random().below(50'000'000)))) {
          if (!co_await exchange(**stream)) break;
          answered_++;
        }
        connection_++;
        streams_.remove(**stream);
      }
      (void)co_await sleep_for(scope_, 10ms);
    }
  }
  Task<void> give_up(Stream& stream, uint64_t connection) {
    uint64_t before = answered_;
    while (co_await sleep_for(scope_, 3s)) {
      if (connection != connection_) co_return;
      if (before == answered_) break;
      before = answered_;
    }
    if (connection == connection_) stream.close();
  }
  /// Whether what was sent came back, byte for byte.
  Task<bool> exchange(Stream& stream) {
    std::string text(1 + shard_.random().below(2000), ' ');
    for (char& c : text) c = static_cast<char>('a' + shard_.random().below(26));
    if (!co_await send_all(shard_, stream, text)) co_return false;
    std::string back;
    while (back.size() < text.size()) {
      const Result<std::string> got = co_await receive_some(shard_, stream);
      if (!got) co_return false;
      back += *got;
      EXPECT_EQ(back, text.substr(0, back.size())) << "what is read is a prefix of what was sent";
    }
    co_return true;
  }

  Shard& shard_;
  Scope scope_;
  const Endpoint server_;
  OpenStreams streams_;
  uint64_t connection_ = 0;
  uint64_t answered_ = 0;
};

class Chaos {
 public:
  explicit Chaos(uint64_t seed) : world_(seed), random_(world_.random(1)) {
    world_.net().options().reset_one_in = 500;
    for (int i = 0; i < 2; i++) servers_.push_back(std::make_unique<EchoServer>(world_.add_node()));
    for (uint32_t i = 0; i < 3; i++) {
      const Endpoint server{world_.node(i % 2).address(), 9092};
      clients_.push_back(std::make_unique<EchoClient>(world_.add_node(), server));
    }
  }

  /// Answers the trace's hash.
  uint64_t run() {
    for (int i = 0; i < 30; i++) {
      world_.run_for(Duration(random_.below(2'000'000'000)));
      strike();
    }
    heal();
    expect_progress();
    for (const auto& client : clients_) world_.run(client->shard(), client->stop());
    for (const auto& server : servers_) world_.run(server->shard(), server->stop());
    return world_.trace_hash();
  }

 private:
  SimNode& any() { return world_.node(random_.below(world_.node_count())); }
  uint64_t any_server() { return random_.below(servers_.size()); }

  void strike() {
    switch (random_.below(8)) {
      case 0: return crash(any_server(), CrashMode::kill);
      case 1: return crash(any_server(), CrashMode::power_cut);
      case 2: return world_.net().cut(any(), any());
      case 3: return world_.net().isolate(any());
      case 4: return world_.net().heal_all();
      case 5: return world_.net().half_open(any(), any());
      case 6: return any().pause();
      case 7: return any().resume();
    }
  }
  void crash(uint64_t index, CrashMode mode) {
    SimNode& node = world_.node(index);
    std::unique_ptr<EchoServer>& server = servers_[index];
    node.crash(mode);
    world_.run_for(Duration(random_.below(5'000'000'000)));
    world_.run(server->shard(), server->stop());
    server.reset();
    node.restart();
    server = std::make_unique<EchoServer>(node);
  }
  void heal() {
    world_.net().heal_all();
    for (size_t i = 0; i < world_.node_count(); i++) world_.node(i).resume();
  }
  void expect_progress() {
    std::vector<uint64_t> before;
    for (const auto& client : clients_) before.push_back(client->answered());
    world_.run_for(60s);
    for (size_t i = 0; i < clients_.size(); i++) {
      EXPECT_GT(clients_[i]->answered(), before[i])
          << "client " << i << " is stuck, seed " << world_.seed();
    }
  }

  SimWorld world_;
  SimRandom random_;
  std::vector<std::unique_ptr<EchoServer>> servers_;
  std::vector<std::unique_ptr<EchoClient>> clients_;
};

TEST(ChaosTest, EveryFaultAtOnceAndEverySeedTheSameTwice) {
  std::set<uint64_t> hashes;
  for (uint64_t seed = 1; seed <= 4; seed++) {
    const uint64_t hash = Chaos(seed).run();
    EXPECT_EQ(hash, Chaos(seed).run()) << "seed " << seed;
    hashes.insert(hash);
  }
  EXPECT_EQ(hashes.size(), 4u);
}

}  // namespace
}  // namespace partita::runtime::sim
