#include "runtime/sim/sim_net.h"

#include <gtest/gtest.h>

#include "base/fault_points.h"
#include "runtime/scope.h"
#include "runtime/sim/world.h"

namespace partita::runtime::sim {
namespace {

using StreamResult = Result<std::unique_ptr<Stream>>;

Task<StreamResult> connect(Shard& shard, Endpoint to) {
  Completion<StreamResult> done(shard.executor());
  shard.net().start_connect(to, done);
  co_return co_await done;
}

Task<StreamResult> accept(Shard& shard, Listener& listener) {
  Completion<StreamResult> done(shard.executor());
  listener.start_accept(done);
  co_return co_await done;
}

Task<Result<>> readable(Shard& shard, Stream& stream) {
  Completion<Result<>> done(shard.executor());
  stream.when_readable(done);
  co_return co_await done;
}

Task<Result<>> writable(Shard& shard, Stream& stream) {
  Completion<Result<>> done(shard.executor());
  stream.when_writable(done);
  co_return co_await done;
}

Task<Result<>> send_all(Shard& shard, Stream& stream, std::string text) {
  ByteView left = as_bytes(text);
  while (!left.empty()) {
    const Result<size_t> sent = stream.write_some(std::span(&left, 1));
    if (sent) {
      left = left.subspan(*sent);
    } else if (sent.error().code == Errc::would_block) {
      CO_CHECKED(co_await writable(shard, stream));
    } else {
      co_return std::unexpected(sent.error());
    }
  }
  co_return Result<>();
}

/// Reads until `count` bytes are there or the peer's end; what came before an error is lost with
/// it.
Task<Result<std::string>> receive(Shard& shard, Stream& stream, size_t count) {
  std::string text;
  while (text.size() < count) {
    uint8_t some[512];
    const Result<size_t> got = stream.read_some(some);
    if (got && *got == 0) break;
    if (got) {
      text.append(as_text(ByteView(some, *got)));
    } else if (got.error().code == Errc::would_block) {
      CO_CHECKED(co_await readable(shard, stream));
    } else {
      co_return std::unexpected(got.error());
    }
  }
  co_return text;
}

Task<Result<std::vector<std::string>>> resolve(Shard& shard, std::string host) {
  Completion<Result<std::vector<std::string>>> done(shard.executor());
  shard.net().start_resolve(host, done);
  co_return co_await done;
}

std::string long_text(size_t size) {
  std::string text(size, ' ');
  for (size_t i = 0; i < size; i++) text[i] = static_cast<char>('a' + i * i % 23);
  return text;
}

/// A client and a server machine, and a connection between them where connect_both() was called.
class SimNetTest : public testing::Test {
 protected:
  void listen() {
    auto listening = server_.shard().net().listen(at_);
    ASSERT_TRUE(listening);
    listener_ = std::move(*listening);
  }
  void connect_both() {
    listen();
    Driven<StreamResult> accepted;
    accepted.start(server_.shard().executor(), accept(server_.shard(), *listener_));
    StreamResult connected = world_.run(client_.shard(), connect(client_.shard(), at_));
    world_.run_until([&] { return accepted.ended(); });
    near_ = std::move(*connected);
    far_ = *accepted.take();
  }
  Result<std::string> receive_far(size_t count) {
    return world_.run(server_.shard(), receive(server_.shard(), *far_, count));
  }
  Result<> send_near(std::string text) {
    return world_.run(client_.shard(), send_all(client_.shard(), *near_, std::move(text)));
  }
  static Errc code(const auto& result) {
    return result ? Errc::unknown_server_error : result.error().code;
  }

  SimWorld world_{7};
  SimNode& client_ = world_.add_node();
  SimNode& server_ = world_.add_node({.name = "server"});
  Endpoint at_{server_.address(), 9092};
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Stream> near_;
  std::unique_ptr<Stream> far_;
};

TEST_F(SimNetTest, BytesArriveSplitButInOrder) {
  connect_both();
  const std::string text = long_text(5000);
  Driven<Result<std::string>> received;
  received.start(server_.shard().executor(), receive(server_.shard(), *far_, text.size()));
  ASSERT_TRUE(send_near(text));
  ASSERT_TRUE(world_.run_until([&] { return received.ended(); }));
  EXPECT_EQ(received.take(), text);
  EXPECT_EQ(near_->peer(), at_);
  EXPECT_EQ(far_->peer(), near_->local());
}

TEST_F(SimNetTest, ArrivalIsSplitAndDelayed) {
  world_.net().options().split_one_in = 1;
  connect_both();
  std::vector<ByteView> parts = {as_bytes("hello ")};
  const Result<size_t> taken = near_->write_some(parts);
  ASSERT_TRUE(taken);
  uint8_t some[16];
  EXPECT_EQ(code(far_->read_some(some)), Errc::would_block) << "nothing arrives at once";
  ASSERT_TRUE(send_near(long_text(200)));
  const Instant before = world_.now();
  world_.run_for(1s);
  const Result<size_t> got = far_->read_some(some);
  ASSERT_TRUE(got);
  EXPECT_GE(*got, 1u);
  EXPECT_EQ(world_.now() - before, 1s);
}

TEST_F(SimNetTest, AWindowStopsTheWriterUntilThePeerReads) {
  connect_both();
  const std::string text = long_text(300'000);
  Driven<Result<>> sent;
  sent.start(client_.shard().executor(), send_all(client_.shard(), *near_, text));
  world_.run_for(10s);
  EXPECT_FALSE(sent.ended());
  ByteView more = as_bytes("x");
  EXPECT_EQ(code(near_->write_some(std::span(&more, 1))), Errc::would_block);
  EXPECT_EQ(receive_far(text.size()), text);
  world_.run_until([&] { return sent.ended(); });
  EXPECT_TRUE(sent.take());
}

TEST_F(SimNetTest, CloseIsSeenAfterAllBytes) {
  connect_both();
  ASSERT_TRUE(send_near("last words"));
  near_->close();
  EXPECT_EQ(receive_far(100), "last words");
}

TEST_F(SimNetTest, ClosingWithUnreadBytesResetsThePeer) {
  connect_both();
  ASSERT_TRUE(send_near("unread"));
  world_.run_for(1s);
  far_->close();
  world_.run_for(1s);
  uint8_t some[16];
  EXPECT_EQ(code(near_->read_some(some)), Errc::connection_reset);
  EXPECT_EQ(code(send_near("more")), Errc::connection_reset);
}

TEST_F(SimNetTest, WritingToAClosedPeerIsReset) {
  connect_both();
  far_->close();
  world_.run_for(1s);
  ASSERT_TRUE(send_near("nobody reads"));
  world_.run_for(1s);
  EXPECT_EQ(code(send_near("more")), Errc::connection_reset);
}

TEST_F(SimNetTest, CloseStopsTheOwnWaits) {
  connect_both();
  Driven<Result<>> waiting;
  waiting.start(client_.shard().executor(), readable(client_.shard(), *near_));
  world_.run_for(1s);
  EXPECT_FALSE(waiting.ended());
  near_->close();
  world_.run_for(1s);
  EXPECT_EQ(code(waiting.take()), Errc::stopped);
  uint8_t some[16];
  EXPECT_EQ(code(near_->read_some(some)), Errc::stopped);
  EXPECT_EQ(code(world_.run(client_.shard(), writable(client_.shard(), *near_))), Errc::stopped);
}

TEST_F(SimNetTest, ConnectIsRefusedWhereNobodyListens) {
  EXPECT_EQ(code(world_.run(client_.shard(), connect(client_.shard(), at_))),
            Errc::connection_reset);
  listen();
  listener_->close();
  EXPECT_EQ(code(world_.run(client_.shard(), connect(client_.shard(), at_))),
            Errc::connection_reset);
  EXPECT_EQ(code(world_.run(server_.shard(), accept(server_.shard(), *listener_))), Errc::stopped);
}

TEST_F(SimNetTest, ConnectTimesOutAtANodeWithoutPower) {
  listen();
  server_.crash(CrashMode::power_cut);
  const Instant before = world_.now();
  EXPECT_EQ(code(world_.run(client_.shard(), connect(client_.shard(), at_))),
            Errc::connection_reset);
  EXPECT_GE(world_.now() - before, 15s);
}

TEST_F(SimNetTest, AFullBacklogLetsConnectsWait) {
  world_.net().options().backlog = 2;
  listen();
  std::vector<StreamResult> connected;
  for (int i = 0; i < 2; i++)
    connected.push_back(world_.run(client_.shard(), connect(client_.shard(), at_)));
  Driven<StreamResult> third;
  third.start(client_.shard().executor(), connect(client_.shard(), at_));
  world_.run_for(3s);
  EXPECT_FALSE(third.ended());
  EXPECT_TRUE(world_.run(server_.shard(), accept(server_.shard(), *listener_)));
  world_.run_until([&] { return third.ended(); });
  EXPECT_TRUE(third.take());
  EXPECT_GT(faults::times_covered("sim.net.backlog_full"), 0u);
}

TEST_F(SimNetTest, ACutHoldsOneDirectionOnly) {
  connect_both();
  world_.net().cut(client_, server_);
  ASSERT_TRUE(send_near("held"));
  Driven<Result<>> back;
  back.start(server_.shard().executor(), send_all(server_.shard(), *far_, "passes"));
  EXPECT_EQ(world_.run(client_.shard(), receive(client_.shard(), *near_, 6)), "passes");
  Driven<Result<std::string>> received;
  received.start(server_.shard().executor(), receive(server_.shard(), *far_, 4));
  world_.run_for(60s);
  EXPECT_FALSE(received.ended());
  world_.net().heal(client_, server_);
  world_.run_until([&] { return received.ended(); });
  EXPECT_EQ(received.take(), "held");
}

TEST_F(SimNetTest, ConnectWaitsBehindACut) {
  listen();
  world_.net().isolate(server_);
  Driven<StreamResult> connecting;
  connecting.start(client_.shard().executor(), connect(client_.shard(), at_));
  world_.run_for(5s);
  EXPECT_FALSE(connecting.ended());
  world_.net().heal_all();
  world_.run_for(5s);
  ASSERT_TRUE(connecting.ended());
  EXPECT_TRUE(connecting.take());
}

TEST_F(SimNetTest, ResetLosesASuffixAndBothEndsSeeIt) {
  connect_both();
  world_.net().set_delay(client_, server_, {.least = 10ms, .most = 10ms});
  ASSERT_TRUE(send_near("first"));
  world_.run_for(5ms);
  world_.net().reset(client_, server_);
  EXPECT_EQ(code(receive_far(5)), Errc::connection_reset) << "what was under way is lost";
  EXPECT_EQ(code(send_near("more")), Errc::connection_reset);
}

TEST_F(SimNetTest, ResetsStrikeAtARate) {
  world_.net().options().reset_one_in = 1;
  connect_both();
  ASSERT_TRUE(send_near("text"));
  EXPECT_EQ(code(receive_far(4)), Errc::connection_reset);
}

TEST_F(SimNetTest, HalfOpenIsNoticedWithTheNextBytes) {
  connect_both();
  world_.net().half_open(client_, server_);
  world_.run_for(60s);
  uint8_t some[16];
  EXPECT_EQ(code(near_->read_some(some)), Errc::would_block) << "the client believes it open";
  EXPECT_EQ(code(far_->read_some(some)), Errc::connection_reset);
  ASSERT_TRUE(send_near("anyone there?"));
  world_.run_for(1s);
  EXPECT_EQ(code(near_->read_some(some)), Errc::connection_reset);
}

TEST_F(SimNetTest, AKilledProcessEndsItsConnections) {
  connect_both();
  Driven<Result<std::string>> stopped;
  stopped.start(server_.shard().executor(), receive(server_.shard(), *far_, 10));
  world_.run_for(1s);
  server_.crash(CrashMode::kill);
  EXPECT_EQ(world_.run(client_.shard(), receive(client_.shard(), *near_, 10)), "");
  world_.run_until([&] { return stopped.ended(); });
  EXPECT_EQ(code(stopped.take()), Errc::stopped);
  EXPECT_EQ(code(world_.run(client_.shard(), connect(client_.shard(), at_))),
            Errc::connection_reset);
}

TEST_F(SimNetTest, APowerCutIsSilentUntilTheNodeIsBack) {
  connect_both();
  server_.crash(CrashMode::power_cut);
  ASSERT_TRUE(send_near("hello?"));
  world_.run_for(60s);
  uint8_t some[16];
  EXPECT_EQ(code(near_->read_some(some)), Errc::would_block);
  server_.restart();
  world_.run_for(1s);
  EXPECT_EQ(code(near_->read_some(some)), Errc::connection_reset);
}

TEST_F(SimNetTest, AddressesAreSharedOnlyWhenAsked) {
  Net& net = server_.shard().net();
  auto first = net.listen({"0.0.0.0", 9092}, true);
  ASSERT_TRUE(first);
  EXPECT_TRUE(net.listen({server_.address(), 9092}, true));
  EXPECT_EQ(code(net.listen({server_.address(), 9092})), Errc::already_exists);
  EXPECT_EQ(code(net.listen({"10.9.9.9", 9092})), Errc::invalid_argument);
  auto any = net.listen({"127.0.0.1", 0});
  ASSERT_TRUE(any);
  EXPECT_GT((*any)->local().port, 0);
  EXPECT_EQ(code(world_.run(client_.shard(),
                            connect(client_.shard(), {"127.0.0.1", (*any)->local().port}))),
            Errc::connection_reset)
      << "loopback is each node's own";
  EXPECT_TRUE(world_.run(server_.shard(), connect(server_.shard(), (*any)->local())));
}

TEST_F(SimNetTest, NamesAreResolved) {
  const auto names = [&](std::string host) {
    return world_.run(client_.shard(), resolve(client_.shard(), host));
  };
  EXPECT_EQ(names("server"), std::vector{server_.address()});
  EXPECT_EQ(names("localhost"), std::vector<std::string>{"127.0.0.1"});
  EXPECT_EQ(names("10.1.2.3"), std::vector<std::string>{"10.1.2.3"});
  EXPECT_EQ(code(names("nowhere")), Errc::not_found);
  world_.net().set_host("both", {"10.0.0.1", "10.0.0.2"});
  EXPECT_EQ(names("both"), (std::vector<std::string>{"10.0.0.1", "10.0.0.2"}));
  world_.net().options().resolve_error_one_in = 1;
  EXPECT_EQ(code(names("both")), Errc::io_error);
}

TEST_F(SimNetTest, ConnectionsAreForgottenWithTheirStreams) {
  connect_both();
  EXPECT_EQ(world_.net().connection_count(), 1u);
  near_.reset();
  far_.reset();
  EXPECT_EQ(world_.net().connection_count(), 0u);
}

}  // namespace
}  // namespace partita::runtime::sim
